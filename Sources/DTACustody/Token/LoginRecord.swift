import CustodyProtocol
import DTABytes
import DTASystem
import Glibc

/// The file beside the lock of log-ins that keeps every process from trying a wrong PIN twice, even after a crash:
/// `<hsm.lock_file>.refused-pin`.
///
/// - Before a log-in, the file says that one has begun. If it cannot be written, there is no log-in: the token's answer
///   could not be remembered.
/// - If the token refuses the PIN, the file is changed in place, which takes no more room.
/// - If the log-in works, the file is removed.
///
/// The hash of a PIN is slow, so it is made only after the token has refused the PIN. If the process is killed in
/// between, the next one asks the token whether it has counted a wrong PIN.
struct LoginRecord {
    private static let kind = "dta/login/1"
    /// At least as long as the text of a refused PIN after the serial number.
    private static let filler = String(repeating: "-", count: 63) + "\n"

    /// The content of the file.
    enum Content: Equatable {
        /// Nothing, or not readable.
        case nothing
        case refused(RefusedPIN)
        /// A log-in to the token of that serial number has begun, and its result is not known.
        case begun(serial: [UInt8], before: RefusedPIN?)

        var refused: RefusedPIN? {
            switch self {
            case .nothing: nil
            case .refused(let pin): pin
            case .begun(_, let before): before
            }
        }
    }

    let path: String

    init(_ options: HSMOptions) { path = options.lockFile + ".refused-pin" }

    /// - Throws: `CustodyStartError` if another kind of file is in its place, or it cannot be read.
    func read() throws -> Content {
        do {
            // rename would replace files of other kinds, whose purpose is not known.
            if let fault = try FileKind.fault(at: path) { throw obstacle("it \(fault)") }
            let number = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
            guard number >= 0 else {
                if errno == ENOENT { return .nothing }
                throw SystemCallError("open", errno: errno)
            }
            let file = Descriptor(owning: number)
            var buffer = [UInt8](repeating: 0, count: 1024)
            let count = try buffer.withUnsafeMutableBytes { try file.fill($0) }
            return LoginRecord.content(of: String(decoding: buffer.prefix(count), as: UTF8.self))
        } catch let error as SystemCallError {
            throw obstacle("\(error)")
        }
    }

    private static func content(of text: String) -> Content {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        if let pin = RefusedPIN(lines) { return .refused(pin) }
        guard lines.count > 2, lines[0] == kind, let serial = Hexadecimal.decode(lines[1]) else { return .nothing }
        return .begun(serial: serial, before: RefusedPIN(lines.dropFirst(2)))
    }

    /// Writes that a log-in begins, on the disk when this returns.
    /// - Parameter before: the refused PIN that the file has.
    /// - Throws: `CustodyStartError` if that cannot be written.
    func begin(serial: String, before: RefusedPIN?) throws -> LoginAttempt {
        let draft = path + ".new"
        do {
            unlink(draft)
            let text = [Self.kind, Hexadecimal.encode(serial.utf8)].map { $0 + "\n" }.joined()
            let file = try WholeFile.replace(path, by: draft) { file in
                try LoginRecord.write(text + (before?.text ?? Self.filler), to: file)
            }
            return LoginAttempt(path: path, file: file, before: before)
        } catch let error as SystemCallError {
            throw obstacle("\(error)", errno: error.errno)
        }
    }

    /// Replaces a file's content, on the disk when this returns.
    static func write(_ text: String, to file: Descriptor) throws {
        let bytes = Array(text.utf8)
        try bytes.withUnsafeBytes { try PositionedFile.write(file.number, $0, at: 0) }
        try systemCall("ftruncate") { ftruncate(file.number, off_t(bytes.count)) }
        try systemCall("fsync") { fsync(file.number) }
    }

    private func obstacle(_ why: String, errno: Int32 = 0) -> CustodyStartError {
        let isFull = [ENOSPC, EDQUOT].contains(errno)
        return CustodyStartError(
            DTAError(
                isFull ? .resourceExhausted : .failedPrecondition,
                "the PIN is not tried, because what the token says to it could not be remembered in \(path): \(why)",
                hint: isFull
                    ? "make room on that disk; dtad goes on by itself then"
                    : "look what is there and move it away, and see that dtad-hsm may write there; dtad goes on by itself "
                        + "then"),
            .configuration)
    }
}

/// A log-in that is recorded in the file.
struct LoginAttempt {
    let path: String
    fileprivate let file: Descriptor
    fileprivate let before: RefusedPIN?

    /// The PIN is right: no other one matters any more.
    func succeeded() { unlink(path) }

    /// The token refused the PIN.
    func refused(_ pin: RefusedPIN) {
        do {
            try LoginRecord.write(pin.text, to: file)
        } catch {
            // The file says that a log-in has begun, and the token has counted a wrong PIN: that stops the next one
            // too.
            complain("that the token refused the PIN cannot be written to \(path): \(error)")
        }
    }

    /// The token did not check the PIN: the file gets its earlier content back.
    func failed() {
        guard let before else { return succeeded() }
        do {
            try LoginRecord.write(before.text, to: file)
        } catch {
            complain("\(path) cannot be written: \(error)")
        }
    }

    private func complain(_ what: String) {
        try? writeAll(Array("dtad-hsm: \(what)\n".utf8), to: STDERR_FILENO)
    }
}
