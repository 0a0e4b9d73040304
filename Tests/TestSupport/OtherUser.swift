import Foundation

/// Another user's program: the protocol's client in Python, run under a uid of its own. Only root can. The users are those
/// that every Debian system has (base-passwd), because a uid without a name owns nothing.
public struct OtherUser: Sendable {
    public let uid: UInt32
    public let groups: [UInt32]

    public static var arePossible: Bool { geteuid() == 0 }

    public init(uid: UInt32, groups: [UInt32] = []) {
        self.uid = uid
        self.groups = groups
    }

    /// uid 33
    public static let wwwData = OtherUser(uid: 33)
    /// uid 34
    public static let backup = OtherUser(uid: 34)
    /// uid 38
    public static let list = OtherUser(uid: 38)

    /// Runs Python lines in which `agent` is connected; refusals are printed as `CODE: message`.
    /// - Parameter interpreter: another copy of Python.
    /// - Returns: what it printed.
    public func run(
        _ script: String, on agent: TestAgent, interpreter: String = "/usr/bin/python3"
    ) throws -> String {
        let directory = try TemporaryDirectory()
        chmod(directory.path, 0o755)
        for module in ["dta_client.py", "dta_orders.py"] {
            let source = try String(contentsOfFile: "\(OtherUser.examples)/\(module)", encoding: .utf8)
            try directory.write(module, source, mode: 0o644)
        }
        let body = script.split(separator: "\n").map { "    \($0)\n" }.joined()
        let program = """
            from dta_client import *
            from dta_orders import *
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
                + [interpreter, "-B", path],
            environment: interpreter == "/usr/bin/python3" ? [:] : ["PYTHONHOME": "/usr"])
        guard finished.status == 0 else { throw TestFailure("the other user's program: \(finished.errors)") }
        return finished.text.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    private static let examples =
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Examples/python").path
}
