import DTASystem
import FoundationEssentials
import Glibc

/// Writes a file piece by piece, whole or not at all: the pieces go to a temporary file beside it (mode 0600), which
/// gets its name at the end. If the target is not a regular file (a device, a pipe), it gets the pieces at once.
final class StreamedFile {
    /// The file to remove if this ends early; nil if there is none.
    let temporary: String?
    private let path: String
    private let target: String?
    private let file: Descriptor
    private var isFinished = false
    private var size = 0

    /// - Parameter path: `-` is standard output.
    init(_ path: String) throws {
        self.path = path
        do {
            if path == "-" {
                (target, temporary) = (nil, nil)
                file = Descriptor(owning: try systemCall("dup") { dup(STDOUT_FILENO) })
            } else if let target = try OutputFile.resolved(path) {
                let temporary = OutputFile.temporary(for: target)
                self.target = target
                self.temporary = temporary
                file = Descriptor(
                    owning: try systemCall("open") {
                        open(NativeText.path(temporary), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
                    })
            } else {
                (target, temporary) = (nil, nil)
                file = Descriptor(owning: try systemCall("open") { open(NativeText.path(path), O_WRONLY | O_CLOEXEC) })
            }
        } catch let error as SystemCallError {
            throw OutputFile.failure(path, error)
        }
    }

    deinit {
        if !isFinished, let temporary { OutputFile.remove(temporary) }
    }

    func write(_ piece: Data) throws {
        do {
            try piece.withUnsafeBytes { try file.write($0) }
        } catch let error as SystemCallError {
            throw OutputFile.failure(path, error)
        }
        // So there is less to wait for at the end.
        if target != nil { PositionedFile.startWriteback(file.number, at: size, count: piece.count) }
        size += piece.count
    }

    /// Makes the file durable, and gives it its name.
    func finish() throws {
        guard let target, let temporary else { return }
        do {
            try systemCall("fsync") { fsync(file.number) }
            try systemCall("rename") { rename(NativeText.path(temporary), NativeText.path(target)) }
            isFinished = true
        } catch let error as SystemCallError {
            throw OutputFile.failure(path, error)
        }
    }
}
