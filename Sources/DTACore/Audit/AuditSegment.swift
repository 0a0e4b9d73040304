import DTAFormats
import DTASystem
import Glibc

/// One file of the audit log: `audit-<number of its first record, 12 digits>.jsonl`.
package final class AuditSegment: Sendable {
    let path: String
    /// The number of its first record, from its name.
    let first: UInt64
    private let file: Descriptor

    package init(path: String, first: UInt64, file: Descriptor) {
        self.path = path
        self.first = first
        self.file = file
    }

    var name: String { String(path[(path.lastIndex(of: "/").map(path.index(after:)) ?? path.startIndex)...]) }

    static func name(first: UInt64) -> String {
        let digits = String(first)
        return "audit-\(String(repeating: "0", count: max(0, 12 - digits.count)))\(digits).jsonl"
    }

    /// The number in a file's name; nil if it is not a segment's.
    package static func first(ofName name: String) -> UInt64? {
        guard name.hasPrefix("audit-"), name.hasSuffix(".jsonl"), let first = UInt64(name.dropFirst(6).dropLast(6)),
            first <= AuditLine.highestNumber, name == AuditSegment.name(first: first)
        else { return nil }
        return first
    }

    /// Opens a segment for appending.
    static func open(directory: String, first: UInt64) throws -> AuditSegment {
        try open(directory: directory, first: first, O_RDWR | O_APPEND)
    }

    /// Makes a segment (mode 0600); fails if the name exists.
    static func make(directory: String, first: UInt64) throws -> AuditSegment {
        try open(directory: directory, first: first, O_RDWR | O_APPEND | O_CREAT | O_EXCL)
    }

    /// Opens a segment for reading.
    static func openToRead(directory: String, first: UInt64) throws -> AuditSegment {
        try open(directory: directory, first: first, O_RDONLY)
    }

    /// Does not block, because the name may belong to a pipe.
    /// - Throws: `SystemCallError`, with EISDIR or EINVAL if it is not a file.
    private static func open(directory: String, first: UInt64, _ flags: Int32) throws -> AuditSegment {
        let path = "\(directory)/\(name(first: first))"
        let file = Descriptor(
            owning: try systemCall("open") {
                unsafe Glibc.open(path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0o600)
            })
        let segment = AuditSegment(path: path, first: first, file: file)
        let kind = try segment.status().st_mode & S_IFMT
        guard kind == S_IFREG else { throw SystemCallError("open", errno: kind == S_IFDIR ? EISDIR : EINVAL) }
        return segment
    }

    /// The numbers of the segments in a directory, in order.
    package static func all(in directory: String) throws -> [UInt64] {
        try PositionedFile.names(in: directory).compactMap(first(ofName:)).sorted()
    }

    func status() throws -> stat {
        var status = stat()
        try systemCall("fstat") { unsafe fstat(file.number, &status) }
        return status
    }

    package func size() throws -> Int { Int(try status().st_size) }

    func facts() throws -> FileFacts { FileFacts(try status()) }

    /// Whether even root cannot write to the file, until the attribute is removed (chattr(1), `i`).
    var isImmutable: Bool { PositionedFile.isImmutable(file.number) }

    /// Appends in one write(2). If less than all fits, the caller must cut off what was written.
    func append(_ bytes: [UInt8]) throws {
        let written = try systemCall("write") { unsafe write(file.number, bytes, bytes.count) }
        if written != bytes.count { throw SystemCallError("write", errno: ENOSPC) }
    }

    func cut(to size: Int) throws { try systemCall("ftruncate") { ftruncate(file.number, size) } }

    /// - Throws: ENOENT if the file was deleted: records written to it now would be lost.
    func sync() throws {
        try systemCall("fdatasync") { fdatasync(file.number) }
        if try status().st_nlink == 0 { throw SystemCallError("the log was deleted", errno: ENOENT) }
    }

    /// Reads `range`, or as much of it as exists.
    func read(_ range: Range<Int>) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: range.count)
        var used = 0
        while used < bytes.count {
            let got = try unsafe bytes.withUnsafeMutableBytes { buffer in
                try systemCall("pread") {
                    unsafe pread(
                        file.number, buffer.baseAddress.map { unsafe $0 + used }, buffer.count - used,
                        range.lowerBound + used)
                }
            }
            if got == 0 { break }
            used += got
        }
        bytes.removeLast(bytes.count - used)
        return bytes
    }
}
