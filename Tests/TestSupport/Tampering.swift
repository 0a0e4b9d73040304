import Foundation

/// What somebody can do to a file of the audit log, and how to take it back.
public enum Tampering: String, CaseIterable, Sendable {
    case removed, moved, emptied, cut, replaced, linked, symlinked, extended, overwritten, opened, directoryMoved

    /// Whether nobody can put the file back as it was.
    public var isFinal: Bool { self == .removed }

    /// - Parameters: `file`: of the log; `spare`: a path for what `mend` needs.
    public func apply(to file: String, spare: String) throws {
        let files = FileManager.default
        let content = try Data(contentsOf: URL(fileURLWithPath: file))
        switch self {
        case .removed: try files.removeItem(atPath: file)
        case .moved: try files.moveItem(atPath: file, toPath: spare)
        case .emptied:
            try files.copyItem(atPath: file, toPath: spare)
            truncate(file, 0)
        case .cut:
            try files.copyItem(atPath: file, toPath: spare)
            // The last line.
            let end = content.dropLast().lastIndex(of: 10)! + 1
            truncate(file, off_t(end))
        case .replaced:
            try files.moveItem(atPath: file, toPath: spare)
            try create(file, Data("{}\n".utf8))
        case .linked: link(file, spare)
        case .symlinked:
            try files.moveItem(atPath: file, toPath: spare)
            symlink(spare, file)
        case .extended:
            try files.copyItem(atPath: file, toPath: spare)
            try write(file, Data("garbage\n".utf8), at: content.count)
        case .overwritten:
            try files.copyItem(atPath: file, toPath: spare)
            try write(file, Data("{\"m\"".utf8), at: 0)
        case .opened: chmod(file, 0o666)
        case .directoryMoved: try files.moveItem(atPath: folder(file), toPath: spare)
        }
    }

    /// Puts the file back as it was.
    public func mend(_ file: String, spare: String) throws {
        let files = FileManager.default
        switch self {
        case .removed: throw TestFailure("nobody can put back what was removed")
        case .moved: try files.moveItem(atPath: spare, toPath: file)
        case .emptied, .cut, .extended, .overwritten:
            let content = try Data(contentsOf: URL(fileURLWithPath: spare))
            truncate(file, 0)
            try write(file, content, at: 0)
        case .replaced, .symlinked:
            try files.removeItem(atPath: file)
            try files.moveItem(atPath: spare, toPath: file)
        case .linked: try files.removeItem(atPath: spare)
        case .opened: chmod(file, 0o600)
        case .directoryMoved:
            for name in try files.contentsOfDirectory(atPath: spare) {
                try files.moveItem(atPath: "\(spare)/\(name)", toPath: "\(folder(file))/\(name)")
            }
        }
    }

    private func folder(_ file: String) -> String { (file as NSString).deletingLastPathComponent }

    private func create(_ path: String, _ content: Data) throws {
        guard FileManager.default.createFile(atPath: path, contents: content, attributes: [.posixPermissions: 0o600])
        else { throw TestFailure("cannot write \(path)") }
    }

    /// In place: the file stays the same one.
    private func write(_ path: String, _ content: Data, at offset: Int) throws {
        let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        try file.seek(toOffset: UInt64(offset))
        try file.write(contentsOf: content)
        try file.close()
    }
}
