import DTASystem
import Glibc

/// A file of the log that dtad has finished: what dtad wrote into it, and whether that is still there.
package struct AuditFile: Sendable, Equatable {
    enum Standing: String, Sendable {
        /// It must be there, as it was written.
        case kept
        /// An administrator may have moved it away. If a file has its name, it must be as it was written.
        case archived
        /// It is not as it was written, and an administrator has accepted that.
        case accepted
    }

    /// The number that its name promises.
    let first: UInt64
    /// The number of its last record; below `first` if none is known.
    let last: UInt64
    /// The hash of the last line, 64 hexadecimal digits, which stands for all before it.
    let hash: String
    var standing = Standing.kept
    /// The facts of the file when its content was checked last; nil: check it again.
    var seen: FileFacts?
    /// Why it is not what dtad wrote; nil if it is.
    var fault: String?
    /// What the log and the journal already say about it.
    var told: String?
    /// The fault was seen while it happened, or at start, and says more than a later read can.
    private var isFresh: Bool

    init(first: UInt64, last: UInt64, hash: String, seen: FileFacts? = nil, fault: String? = nil) {
        self.first = first
        self.last = last
        self.hash = hash
        self.seen = seen
        self.fault = fault
        isFresh = fault != nil
    }

    /// A file that dtad did not write.
    init(stranger first: UInt64) {
        self.init(first: first, last: first - min(first, 1), hash: "", fault: "dtad did not write it")
    }

    var place: AuditPlace { AuditPlace(number: last, hash: hash) }

    var name: String { AuditSegment.name(first: first) }

    var records: String { first < last ? "records \(first) to \(last)" : "record \(first)" }

    /// The fault, with the records that it affects.
    var report: String? {
        if standing == .archived { return fault.map { "\($0); it was archived, so it can be moved away" } }
        return fault.map { last < first ? $0 : "\($0) (\(records))" }
    }

    // MARK: Judging

    /// What is not as dtad wrote it, as sentences; empty if all is as written.
    static func faults(of files: [AuditFile], strangers: [AuditFile]) -> [String] {
        (files.filter { $0.standing != .accepted } + strangers).compactMap { file in
            file.report.map { "\(file.name): \($0)" }
        }
    }

    /// What is wrong with a file of the log apart from its content; nil if nothing is.
    static func fault(of status: stat?) -> String? {
        guard let status else { return "it is missing" }
        guard status.st_mode & S_IFMT == S_IFREG else {
            return status.st_mode & S_IFMT == S_IFLNK
                ? "a symbolic link stands in its place" : "something that is no file stands in its place"
        }
        guard status.st_uid == geteuid() else { return "it belongs to uid \(status.st_uid)" }
        guard status.st_mode & (S_IWGRP | S_IWOTH) == 0 else { return "others than its owner may write to it" }
        guard status.st_nlink <= 1 else { return "it has a second name (a hard link), by which others can reach it" }
        return nil
    }

    /// Administrators may move an archived file, change its owner and link it elsewhere. It must stay a file.
    private func isPermitted(_ status: stat?) -> Bool {
        standing == .archived && status.map { $0.st_mode & S_IFMT == S_IFREG } ?? true
    }

    /// Checks the file again.
    /// - Parameter mayRead: whether its content may be read if it is not known; otherwise that waits.
    /// - Returns: whether it was read.
    mutating func examine(in directory: String, mayRead: Bool) -> Bool {
        let path = "\(directory)/\(name)"
        let status: stat?
        do { status = try FileFacts.status(path) } catch {
            (seen, fault, isFresh) = (nil, "\(error)", false)
            return false
        }
        if let found = AuditFile.fault(of: status), !isPermitted(status) {
            (seen, fault, isFresh) = (nil, found, false)
            return false
        }
        guard status != nil else {
            (seen, fault, isFresh) = (nil, nil, false)
            return false
        }
        let facts = status.map(FileFacts.init)
        if facts == seen { return false }
        guard mayRead else { return false }
        do {
            let segment = try AuditSegment.openToRead(directory: directory, first: first)
            let found = try AuditContent(of: segment, size: try segment.size()).fault(against: self)
            if found == nil || !isFresh { fault = found }
            isFresh = false
            // If another process writes at this moment, it is read again.
            seen = try segment.facts() == facts ? facts : nil
        } catch {
            (seen, fault) = (nil, "it cannot be read: \(error)")
        }
        return true
    }
}
