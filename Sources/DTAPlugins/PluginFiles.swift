import DTASystem
import Glibc

/// The directory of external plugins. Only root may be able to change it, because a plugin decides about its orders.
public struct PluginFiles: Sendable {
    /// The prefix of a plugin's file name, before its type.
    public static let prefix = "dta-plugin-"
    /// More than any host has.
    static let countLimit = 64

    private let directory: String

    public init(_ directory: String) { self.directory = directory }

    /// The plugins that may run, and the reasons why others may not, by the files' names. The paths have no links in
    /// them.
    /// - Throws: `DTAError` if the directory itself cannot be trusted, or is missing.
    public func list() throws -> (plugins: [(type: PluginType, path: String)], problems: [(name: String, DTAError)]) {
        let directory = try PluginFiles.trusted(directory)
        var plugins: [(type: PluginType, path: String)] = []
        var problems: [(name: String, DTAError)] = []
        for name in try PluginFiles.names(in: directory).sorted() where name.hasPrefix(PluginFiles.prefix) {
            let type = String(name.dropFirst(PluginFiles.prefix.count))
            do {
                guard let valid = PluginType(type) else {
                    throw DTAError(
                        .invalidArgument, "a plugin's name is 1 to 32 of a-z, 0-9 and -, the first a letter")
                }
                let path = directory + "/" + name
                try PluginFiles.checkFile(path)
                guard plugins.count < PluginFiles.countLimit else {
                    throw DTAError(.resourceExhausted, "there are more than \(PluginFiles.countLimit) plugins")
                }
                plugins.append((valid, path))
            } catch let error as DTAError {
                problems.append((PluginAnswer.harmless(type, 40), error))
            }
        }
        return (plugins, problems)
    }

    private static func names(in directory: String) throws -> [String] {
        guard let handle = unsafe opendir(directory) else {
            throw DTAError(.failedPrecondition, "the plugins' directory \(directory): \(errorText(errno))")
        }
        defer { unsafe closedir(handle) }
        var names: [String] = []
        while let entry = unsafe readdir(handle) {
            names.append(
                unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                    unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
                })
        }
        return names
    }

    /// Checks that a file may run as a plugin.
    /// - Throws: `DTAError` that says what to change.
    public static func checkFile(_ path: String) throws {
        var status = stat()
        guard unsafe lstat(path, &status) == 0 else {
            throw DTAError(.notFound, "\(path): \(errorText(errno))")
        }
        func refuse(_ reason: String, _ hint: String) -> DTAError {
            DTAError(.failedPrecondition, "\(path) \(reason)", hint: hint)
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw refuse("is not a plain file", "put the program itself there, not a link to it")
        }
        guard status.st_uid == 0 else { throw refuse("does not belong to root", "chown root:root \(path)") }
        guard status.st_mode & (S_IWGRP | S_IWOTH) == 0 else {
            throw refuse("can be written by others than root", "chmod go-w \(path)")
        }
        guard status.st_mode & (S_ISUID | S_ISGID) == 0 else {
            throw refuse("runs as another user or group", "chmod ug-s \(path)")
        }
        guard status.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH) != 0 else {
            throw refuse("cannot be executed", "chmod 755 \(path)")
        }
    }

    /// A directory, by the path without links: only root can change it, or replace it or a folder above it. The given
    /// path may have links that other users can change, so it must not be used again.
    static func trusted(_ path: String) throws -> String {
        guard let resolved = unsafe realpath(path, nil) else {
            throw DTAError(
                .failedPrecondition, "the plugins' directory \(path): \(errorText(errno))",
                hint: "make it, with mode 0755, or set plugins.directory")
        }
        defer { unsafe free(resolved) }
        let directory = unsafe String(cString: resolved)
        var above = directory
        var isFirst = true
        while true {
            var status = stat()
            guard unsafe lstat(above, &status) == 0 else {
                throw DTAError(.failedPrecondition, "\(above): \(errorText(errno))")
            }
            guard status.st_mode & S_IFMT == S_IFDIR else {
                throw DTAError(.failedPrecondition, "\(above) is not a directory")
            }
            // In a directory with the sticky bit only its owner can rename a file.
            let isOpen = status.st_mode & (S_IWGRP | S_IWOTH) != 0 && (isFirst || status.st_mode & S_ISVTX == 0)
            guard status.st_uid == 0, !isOpen else {
                throw DTAError(
                    .failedPrecondition, "others than root can write to \(above), and could put plugins there",
                    hint: "chown root:root \(above) && chmod go-w \(above)")
            }
            if above == "/" { return directory }
            isFirst = false
            above = String(above[..<(above.lastIndex(of: "/") ?? above.startIndex)])
            if above.isEmpty { above = "/" }
        }
    }
}
