import CLinux
import DTACryptoki
import DTASystem
import Glibc

/// A client's connection: frames of p11-kit's RPC, one after the other.
struct Channel {
    private var input: BufferedInput
    private let output: Int32

    init(input: Int32, output: Int32) {
        self.input = BufferedInput(input)
        self.output = output
    }

    /// The newest version of the protocol that is spoken here: that of p11-kit 0.25.
    private static let version: UInt8 = 1

    /// Serves the client until it has finished or gone.
    /// - Throws: if the stream cannot be followed any further.
    mutating func serve(_ cryptoki: Cryptoki) throws {
        guard let offered = try read(1)?.first else { return }
        try writeAll([min(offered, Channel.version)], to: output)
        while let header = try read(RPCFrame.headerLength) {
            let frame = try RPCFrame.Header(header)
            try skip(frame.optionsLength)
            guard frame.messageLength <= RPCFrame.messageLimit else {
                try skip(frame.messageLength)
                try writeAll(RPCFrame.encode(code: frame.code, message: Cryptoki.tooLong), to: output)
                continue
            }
            guard var message = try read(frame.messageLength) else { throw CryptokiError.cut }
            let reply = cryptoki.answer(&message)
            let answer = RPCFrame.encode(code: frame.code, message: reply.message)
            if reply.isLast { endBefore(answer) }
            try writeAll(answer, to: output)
        }
    }

    /// Ends this program, and then lets the client have its last answer. p11-kit looks at once whether the program has
    /// ended, and if not, again 100 ms later: each program of the host that uses PKCS#11 would end that much later.
    private func endBefore(_ answer: [UInt8]) {
        _ = unsafe answer.withUnsafeBytes { unsafe clinux_write_after_end(output, $0.baseAddress, $0.count) }
    }

    /// So many bytes; nil if the client has gone before the first one.
    private mutating func read(_ count: Int) throws -> [UInt8]? {
        let bytes = try input.take(count)
        if bytes.isEmpty, count > 0 { return nil }
        guard bytes.count == count else { throw CryptokiError.cut }
        return bytes
    }

    /// Reads and forgets so many bytes.
    private mutating func skip(_ count: Int) throws {
        var left = count
        while left > 0 {
            let part = min(left, 64 << 10)
            guard try read(part) != nil else { throw CryptokiError.cut }
            left -= part
        }
    }
}

extension CryptokiError {
    /// The stream ends within a frame.
    fileprivate static let cut = CryptokiError(0x30)
}
