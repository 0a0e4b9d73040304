import DTASystem
import Glibc

/// Writes a file whole or not at all, readable only for its owner (0600).
enum OutputFile {
    static func write(_ bytes: [UInt8], to path: String) throws { try write(bytes.span, to: path) }

    static func write(_ bytes: Span<UInt8>, to path: String) throws {
        do {
            let target = try resolved(path)
            guard let target else {
                // A device, a pipe or the like is written to, never replaced.
                let device = Descriptor(
                    owning: try systemCall("open") { open(NativeText.path(path), O_WRONLY | O_CLOEXEC) })
                return try bytes.withUnsafeBytes { try device.write($0) }
            }
            try WholeFile.replace(target, by: temporary(for: target)) { file in
                try bytes.withUnsafeBytes { try file.write($0) }
            }
        } catch let error as SystemCallError {
            throw failure(path, error)
        }
    }

    static func failure(_ path: String, _ error: SystemCallError) -> Failure {
        let name = path == "-" ? "standard output" : path
        let isFull = [ENOSPC, EDQUOT].contains(error.errno)
        return .failed(
            .unavailable, "\(name) cannot be written: \(error)",
            hint: isFull ? "make room on that disk, or name a file on another with --out" : "")
    }

    /// The path of the regular file to replace or make, after following symbolic links; nil if something else is there.
    static func resolved(_ path: String) throws -> String? {
        var status = stat()
        guard unsafe stat(NativeText.path(path), &status) == 0 else { return path }
        if status.st_mode & S_IFMT == S_IFDIR { throw SystemCallError("open", errno: EISDIR) }
        guard status.st_mode & S_IFMT == S_IFREG else { return nil }
        guard let real = unsafe realpath(NativeText.path(path), nil) else {
            throw SystemCallError("realpath", errno: errno)
        }
        defer { unsafe free(real) }
        return unsafe NativeText.text(cString: real)
    }

    static func remove(_ path: String) { unlink(NativeText.path(path)) }

    /// A name for a file that will replace another.
    static func temporary(for path: String) -> String {
        "\(path).\(String(UInt64.random(in: 0 ... .max), radix: 36)).tmp"
    }
}
