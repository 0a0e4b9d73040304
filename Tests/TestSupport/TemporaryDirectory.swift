import Foundation

/// A directory of its own, 0700, deleted with everything in it when the last reference goes.
public final class TemporaryDirectory: Sendable {
    public let path: String

    public init() throws {
        var template = Array("\(Self.base)/t-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw TestFailure("mkdtemp: \(String(cString: strerror(errno)))") }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        Leftovers.add(folder: path)
    }

    /// `TMPDIR`, which Scripts/contained makes and removes. The paths of sockets have 107 bytes at most, so names are short.
    static let base = ProcessInfo.processInfo.environment["TMPDIR"].flatMap { $0.isEmpty ? nil : $0 } ?? "/tmp"

    deinit {
        if Self.remove(path) { Leftovers.remove(folder: path) }  // else it is tried again when the tests are over
    }

    /// Removes a folder with all that is in it.
    /// - Returns: false if it is still there, as when a process that was killed a moment ago still wrote a file there.
    static func remove(_ path: String) -> Bool {
        try? FileManager.default.removeItem(atPath: path)
        return access(path, F_OK) != 0
    }

    /// The path of `name` in it.
    public func file(_ name: String) -> String { path + "/" + name }

    /// Writes a file and gives its path.
    @discardableResult
    public func write(_ name: String, _ text: String, mode: mode_t = 0o600) throws -> String {
        try write(name, Array(text.utf8), mode: mode)
    }

    @discardableResult
    public func write(_ name: String, _ bytes: [UInt8], mode: mode_t = 0o600) throws -> String {
        let path = file(name)
        // A process that another test forks meanwhile has what is open here, and a file that is open for writing cannot be
        // run (ETXTBSY): another program writes what is to be run.
        let isProgram = mode & 0o111 != 0
        let written = isProgram ? path + ".source" : path
        guard FileManager.default.createFile(atPath: written, contents: Data(bytes)) else {
            throw TestFailure("cannot write \(written)")
        }
        if isProgram {
            let copied = try run("/bin/cp", ["--", written, path])
            guard copied.status == 0 else { throw TestFailure("cannot write \(path): \(copied.errors)") }
            unlink(written)
        }
        chmod(path, mode)
        return path
    }
}

/// What stands in a test's way, as opposed to what it tests.
public struct TestFailure: Error, CustomStringConvertible {
    public let description: String
    public init(_ description: String) { self.description = description }
}
