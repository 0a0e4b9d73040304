import CLinux
import DTASystem
import Glibc

/// A program that gets secrets through its standard input, and whose output may be one: they are only in pipes and
/// locked memory.
struct PipedCommand {
    /// The most bytes of output that are read.
    private static let room = 1024

    let status: Int32
    let output: SecretBytes

    /// Runs a program to its end; nil: dtad-hsm.
    /// - Throws: if it cannot be started, or was ended by a signal.
    init(program: String? = nil, _ arguments: [String], input: [SecretBytes]) throws {
        let given = try Pipe()
        let answered = try Pipe()
        let pid = try CustodyProgram.spawn(
            arguments, socket: nil, program: program, input: given.reading, output: answered.writing)
        given.closeReading()
        answered.closeWriting()
        // Some hundred bytes: a pipe takes them before the program reads. A program that has ended takes none.
        for bytes in input { bytes.withUnsafeBytes { _ = write(given.writing, $0.baseAddress, $0.count) } }
        given.closeWriting()
        var used = 0
        let all = try SecretBytes(count: Self.room) { target in
            while used < target.count {
                let got = read(answered.reading, target.baseAddress.map { $0 + used }, target.count - used)
                if got < 0, errno == EINTR { continue }
                guard got > 0 else { break }
                used += got
            }
        }
        answered.closeReading()
        var raw: Int32 = 0
        try systemCall("waitpid") { waitpid(pid, &raw, 0) }
        guard raw & 0x7f == 0 else {
            throw DTAError(.unavailable, "\(program ?? "dtad-hsm") was ended by signal \(raw & 0x7f)")
        }
        status = raw >> 8 & 0xff
        output = try all.withUnsafeBytes { bytes in
            let answer = UnsafeRawBufferPointer(rebasing: bytes[..<used])
            return try SecretBytes(count: used) { $0.copyMemory(from: answer) }
        }
    }
}

/// A pipe whose ends are closed one by one.
private final class Pipe {
    private(set) var reading: Int32 = -1
    private(set) var writing: Int32 = -1

    init() throws { try systemCall("pipe2") { clinux_pipe(&reading, &writing) } }

    deinit {
        closeReading()
        closeWriting()
    }

    func closeReading() {
        if reading >= 0 { close(reading) }
        reading = -1
    }

    func closeWriting() {
        if writing >= 0 { close(writing) }
        writing = -1
    }
}
