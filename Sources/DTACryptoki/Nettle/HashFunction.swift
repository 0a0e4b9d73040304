import CNettle

/// A hash function, by libnettle.
public enum HashFunction: Sendable, CaseIterable {
    case sha1, sha224, sha256, sha384, sha512

    /// Bytes of a digest.
    public var length: Int {
        switch self {
        case .sha1: 20
        case .sha224: 28
        case .sha256: 32
        case .sha384: 48
        case .sha512: 64
        }
    }

    /// The digest of a message.
    public func digest(_ message: some Collection<UInt8>) -> [UInt8] {
        var running = RunningDigest(self)
        running.update(Array(message))
        return running.finish()
    }
}

/// A digest of what has come so far.
public struct RunningDigest {
    private enum State {
        case short(sha1_ctx)
        case medium(sha256_ctx)
        case long(sha512_ctx)
    }

    public let function: HashFunction
    private var state: State

    public init(_ function: HashFunction) {
        self.function = function
        switch function {
        case .sha1:
            var context = sha1_ctx()
            unsafe nettle_sha1_init(&context)
            state = .short(context)
        case .sha224, .sha256:
            var context = sha256_ctx()
            if function == .sha256 {
                unsafe nettle_sha256_init(&context)
            } else {
                unsafe nettle_sha224_init(&context)
            }
            state = .medium(context)
        case .sha384, .sha512:
            var context = sha512_ctx()
            if function == .sha512 {
                unsafe nettle_sha512_init(&context)
            } else {
                unsafe nettle_sha384_init(&context)
            }
            state = .long(context)
        }
    }

    public mutating func update(_ bytes: [UInt8]) {
        unsafe bytes.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            switch state {
            case .short(var context):
                unsafe nettle_sha1_update(&context, buffer.count, base)
                state = .short(context)
            case .medium(var context):
                unsafe nettle_sha256_update(&context, buffer.count, base)
                state = .medium(context)
            case .long(var context):
                unsafe nettle_sha512_update(&context, buffer.count, base)
                state = .long(context)
            }
        }
    }

    /// The digest. What comes later begins anew.
    public mutating func finish() -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: function.length)
        switch state {
        case .short(var context): unsafe nettle_sha1_digest(&context, digest.count, &digest)
        case .medium(var context):
            if function == .sha256 {
                unsafe nettle_sha256_digest(&context, digest.count, &digest)
            } else {
                unsafe nettle_sha224_digest(&context, digest.count, &digest)
            }
        case .long(var context):
            if function == .sha512 {
                unsafe nettle_sha512_digest(&context, digest.count, &digest)
            } else {
                unsafe nettle_sha384_digest(&context, digest.count, &digest)
            }
        }
        self = RunningDigest(function)
        return digest
    }
}
