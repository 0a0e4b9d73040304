import DTASystem

/// What `dtad-hsm --bind-order-keys` writes and `dtad bindings import` reads: new blobs that replace old ones.
public struct BoundKeys: Sendable, Equatable {
    public enum Kind: UInt8, Sendable {
        /// The key of an order; its subject is the CID of part 1.
        case order = 1
        /// The post-quantum key of an identity; its subject is the identity's CID.
        case identity = 2
    }

    public struct Binding: Sendable, Equatable {
        public var kind: Kind
        public var subject: [UInt8]
        /// The old blob and the new one.
        public var old: [UInt8]
        public var new: [UInt8]
        /// SHA-256 of the SubjectPublicKeyInfo of the key that it is bound to.
        public var key: [UInt8]

        public init(_ kind: Kind, subject: [UInt8], old: [UInt8], new: [UInt8], key: [UInt8]) {
            self.kind = kind
            self.subject = subject
            self.old = old
            self.new = new
            self.key = key
        }
    }

    public var bindings: [Binding] = []

    public init() {}

    private static let title = "dta/bound-keys/1"

    public var encoded: [UInt8] {
        var file = MessageFile(BoundKeys.title)
        for binding in bindings {
            file.add(binding.kind.rawValue) {
                for field in [binding.subject, binding.old, binding.new, binding.key] { $0.field(field) }
            }
        }
        return file.bytes()
    }

    /// - Throws: `DTAError.invalidArgument` for another file.
    public init(_ bytes: [UInt8]) throws {
        try MessageFile.read(bytes, BoundKeys.title) { message in
            guard let kind = Kind(rawValue: message.head) else {
                throw DTAError(.invalidArgument, "a message of an unknown kind: \(message.head)")
            }
            bindings.append(
                Binding(
                    kind, subject: try message.field(exactly: 36), old: try message.field(atMost: 128 << 10),
                    new: try message.field(atMost: 128 << 10), key: try message.field(exactly: 32)))
        }
    }
}
