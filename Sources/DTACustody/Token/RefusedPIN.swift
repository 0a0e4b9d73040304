import Crypto
import CustodyProtocol
import DTASystem
import Glibc

/// What is remembered of a PIN that a token refused, in a file beside the lock of log-ins: so that no start, no check and
/// no other process tries it again. Real HSMs destroy their keys after a few wrong ones.
///
/// The file holds no PIN but enough to know this one again: a slow hash of it, salted, of 32 bits. Whoever reads the file
/// can try PINs against it, and finds a wrong one, among some others that only look like it.
struct RefusedPIN {
    private static let kind = "dta/refused-pin/1"
    private static let iterations = 50_000

    /// The file.
    let path: String

    init(_ options: HSMOptions) { path = options.lockFile + ".refused-pin" }

    /// Whether this token has refused this PIN.
    func contains(_ pin: SecretBytes, serial: String) -> Bool {
        guard let record = read(), record.serial == Array(serial.utf8) else { return false }
        return RefusedPIN.hash(pin, salt: record.salt) == record.hash
    }

    /// Remembers it. Where the file cannot be written, it is not remembered, and standard error says so.
    func remember(_ pin: SecretBytes, serial: String) {
        let salt = (0..<16).map { _ in UInt8.random(in: 0...255) }
        let lines = [
            Self.kind, hexadecimal(Array(serial.utf8)), hexadecimal(salt),
            hexadecimal(RefusedPIN.hash(pin, salt: salt)),
        ]
        do {
            try write(lines.joined(separator: "\n") + "\n")
        } catch {
            let text = "dtad-hsm: that the token refused the PIN cannot be remembered in \(path): \(error)\n"
            _ = Array(text.utf8).withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
        }
    }

    /// Another PIN was right.
    func forget() { unlink(path) }

    // MARK: The file

    private func write(_ text: String) throws {
        let draft = path + ".new"
        unlink(draft)
        let file = Descriptor(
            owning: try systemCall("open") {
                open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
            })
        let bytes = Array(text.utf8)
        let count = try bytes.withUnsafeBytes { buffer in
            try systemCall("write") { Glibc.write(file.number, buffer.baseAddress, buffer.count) }
        }
        guard count == bytes.count else { throw SystemCallError("write", errno: ENOSPC) }
        try systemCall("fsync") { fsync(file.number) }
        try systemCall("rename") { rename(draft, path) }
    }

    private func read() -> (serial: [UInt8], salt: [UInt8], hash: [UInt8])? {
        let number = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard number >= 0 else { return nil }
        let file = Descriptor(owning: number)
        var buffer = [UInt8](repeating: 0, count: 1024)
        let count = Glibc.read(file.number, &buffer, buffer.count)
        guard count > 0 else { return nil }
        let lines = String(decoding: buffer.prefix(count), as: UTF8.self)
            .split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.count == 5, lines[0] == Self.kind, lines[4].isEmpty, let serial = bytes(hexadecimal: lines[1]),
            let salt = bytes(hexadecimal: lines[2]), let hash = bytes(hexadecimal: lines[3]), hash.count == 4
        else { return nil }
        return (serial, salt, hash)
    }

    /// PBKDF2 with HMAC-SHA256 (RFC 8018 §5.2): the first block, cut to 32 bits.
    static func hash(_ pin: SecretBytes, salt: [UInt8]) -> [UInt8] {
        let key = pin.withUnsafeBytes { SymmetricKey(data: $0) }
        var last = Array(HMAC<SHA256>.authenticationCode(for: salt + [0, 0, 0, 1], using: key))
        var sum = last
        for _ in 1..<iterations {
            last = Array(HMAC<SHA256>.authenticationCode(for: last, using: key))
            for index in sum.indices { sum[index] ^= last[index] }
        }
        return Array(sum.prefix(4))
    }
}
