import Foundation

/// Another user's program: the protocol's client in Python, run under a uid of its own. Only root can.
public struct OtherUser: Sendable {
    public let uid: UInt32
    public let groups: [UInt32]

    public static var arePossible: Bool { geteuid() == 0 }

    public init(uid: UInt32, groups: [UInt32] = []) {
        self.uid = uid
        self.groups = groups
    }

    /// Runs Python lines in which `agent` is connected; refusals are printed as `CODE: message`.
    /// - Returns: what it printed.
    public func run(_ script: String, on agent: TestAgent) throws -> String {
        let source = try String(contentsOfFile: OtherUser.client, encoding: .utf8)
        let directory = try TemporaryDirectory()
        chmod(directory.path, 0o755)
        try directory.write("dta_client.py", source, mode: 0o644)
        let body = script.split(separator: "\n").map { "    \($0)\n" }.joined()
        let program = """
            from dta_client import *
            try:
                agent = Agent("\(agent.socketPath)")
            \(body)
            except AgentError as error:
                print(error)

            """
        let path = try directory.write("program.py", program, mode: 0o644)
        let list = groups.map(String.init).joined(separator: ",")
        let finished = try TestSupport.run(
            "/usr/bin/setpriv",
            ["--reuid", "\(uid)", "--regid", "\(uid)", groups.isEmpty ? "--clear-groups" : "--groups=\(list)"]
                + ["/usr/bin/python3", "-B", path])
        guard finished.status == 0 else { throw TestFailure("the other user's program: \(finished.errors)") }
        return finished.text.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    private static let client =
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Examples/python/dta_client.py").path
}
