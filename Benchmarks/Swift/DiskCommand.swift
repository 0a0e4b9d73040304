import ArgumentParser
import DTASystem
import Glibc

/// A durable sequential write: the least cost of a file of that size.
struct DiskCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "disk", abstract: "MB/s of a durable sequential write.")

    @Argument(help: "A directory.") var directory: String
    @Option(help: "MiB.") var size = 1024

    func run() throws {
        let path = "\(directory)/disk.bench"
        let number = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard number >= 0 else { throw SystemCallError("open", errno: errno) }
        let file = Descriptor(owning: number)
        defer { unlink(path) }
        let block = [UInt8](repeating: 0x5a, count: 1 << 20)
        let begin = monotonicNanoseconds()
        for _ in 0..<size {
            let written = unsafe block.withUnsafeBytes { unsafe write(file.number, $0.baseAddress, $0.count) }
            guard written == block.count else { throw SystemCallError("write", errno: errno) }
        }
        try systemCall("fdatasync") { fdatasync(file.number) }
        report([("write_mb_s", Double(size << 20) / 1e6 / elapsed(since: begin))])
    }
}
