import Foundation

/// Connections of many users, named or not, from one Python program of root's: it connects under another effective uid, and
/// that is what the kernel says to the agent. Its lines have `agent(uid)`, which connects, `asked(agent)`, which is the code of a
/// status, and all of the example client.
public struct Crowd {
    public static var isPossible: Bool { geteuid() == 0 }

    /// Runs Python lines to their end.
    /// - Parameter path: the agent's socket.
    /// - Returns: what they printed.
    public static func run(_ script: String, on path: String, timeout: Int = 300) throws -> String {
        let program = try start(script, on: path, timeout: timeout)
        return try program.output()
    }

    /// Starts Python lines, which `output` waits for.
    public static func start(_ script: String, on path: String, timeout: Int = 300) throws -> Running {
        let directory = try TemporaryDirectory()
        let program = """
            import os, signal, socket, sys, time
            signal.alarm(\(timeout))
            sys.path.insert(0, "\(examples)")
            from dta_client import *
            PATH = "\(path)"
            def agent(uid):
                os.seteuid(uid)
                try:
                    made = Agent(PATH)
                    made.socket.settimeout(60)
                    return made
                finally:
                    os.seteuid(0)
            def code(call):
                try:
                    call()
                    return "OK"
                except AgentError as error:
                    return error.code
                except OSError as error:
                    return "CLOSED"
            def asked(one):
                try:
                    number = one.send("status")
                except OSError:
                    number = 1  # closed already; what it was told is still to be read
                return code(lambda: one.receive(number))
            \(script)

            """
        let path = try directory.write("program.py", program, mode: 0o600)
        let output = directory.file("output")
        let errors = directory.file("errors")
        let files = [output, errors].map { (path: String) in open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600) }
        defer { for file in files { close(file) } }
        let process = try Subprocess("/usr/bin/python3", ["-B", path], descriptors: [1: files[0], 2: files[1]])
        return Running(directory: directory, process: process)
    }

    public final class Running {
        private let directory: TemporaryDirectory
        private let process: Subprocess

        init(directory: TemporaryDirectory, process: Subprocess) {
            self.directory = directory
            self.process = process
        }

        /// What it has printed so far.
        public var soFar: String { (try? String(contentsOfFile: directory.file("output"), encoding: .utf8)) ?? "" }

        public func output() throws -> String {
            guard process.wait() == 0 else {
                let errors = (try? String(contentsOfFile: directory.file("errors"), encoding: .utf8)) ?? ""
                throw TestFailure("the crowd: \(soFar)\n\(errors)")
            }
            return soFar.trimmingCharacters(in: .whitespacesAndNewlines)
        }
    }

    private static let examples =
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Examples/python").path
}
