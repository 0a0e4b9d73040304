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
        for bytes in input { try? bytes.withUnsafeBytes { try writeAll($0, to: given.writing) } }
        given.closeWriting()
        var used = 0
        let all = try SecretBytes(count: Self.room) { used = (try? fill($0, from: answered.reading)) ?? 0 }
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
