import DTASystem
import Glibc

/// One message between dtad and dtad-hsm:
///
///     length (4, big-endian, of what follows) ‖ operation or status (1) ‖ { field length (4) ‖ field }*
///
/// A request's first byte is a `CustodyOperation`; an answer's is 0, or an `ErrorCode` with the fields message and hint.
public enum CustodyFrame {
    /// The largest message, after its length: 1 MiB + 64 KiB.
    public static let limit = 1 << 20 | 1 << 16
    /// The largest input of sign, mac, encrypt and decrypt.
    public static let inputLimit = 256 << 10
    public static let headerSize = 4

    /// The bytes of a message, its length first.
    public static func encode(_ head: UInt8, _ fields: [[UInt8]]) throws -> [UInt8] {
        let size = fields.reduce(1) { $0 + 4 + $1.count }
        guard size <= limit else {
            throw DTAError(.invalidArgument, "a custody message of \(size) bytes: at most \(limit) are allowed")
        }
        return [UInt8](unsafeUninitializedCapacity: headerSize + size) { buffer, count in
            var at = 0
            func put(_ value: Int) {
                var big = UInt32(truncatingIfNeeded: value).bigEndian
                unsafe memcpyBytes(buffer.baseAddress! + at, &big, 4)
                at += 4
            }
            put(size)
            unsafe buffer[at] = head
            at += 1
            for field in fields {
                put(field.count)
                unsafe field.withUnsafeBytes { bytes in
                    if let base = bytes.baseAddress { unsafe memcpyBytes(buffer.baseAddress! + at, base, bytes.count) }
                }
                at += field.count
            }
            count = at
        }
    }

    /// Splits a message without its length: the first byte, and exactly its fields.
    /// - Throws: `DTAError.invalidArgument` where lengths do not add up.
    public static func decode(_ message: some RandomAccessCollection<UInt8>) throws -> (head: UInt8, fields: [[UInt8]])
    {
        guard let head = message.first else { throw DTAError(.invalidArgument, "an empty custody message") }
        var fields: [[UInt8]] = []
        var rest = message.dropFirst()
        while !rest.isEmpty {
            guard rest.count >= 4 else { throw DTAError(.invalidArgument, "a custody field is cut short") }
            let length = rest.prefix(4).reduce(0) { $0 << 8 | Int($1) }
            rest = rest.dropFirst(4)
            guard length <= rest.count else { throw DTAError(.invalidArgument, "a custody field is cut short") }
            fields.append(Array(rest.prefix(length)))
            rest = rest.dropFirst(length)
        }
        return (head, fields)
    }
}

@inline(__always)
private func memcpyBytes(_ to: UnsafeMutableRawPointer, _ from: UnsafeRawPointer, _ count: Int) {
    unsafe memcpy(to, from, count)
}
