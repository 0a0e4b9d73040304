import Foundation
import TestSupport
import Testing

/// p11-kit with one module, D-TA's: programs run in a mount namespace in which its folder of modules is another one.
struct P11Kit {
    static let proxy = "/usr/lib/x86_64-linux-gnu/p11-kit-proxy.so"

    let agent: TestAgent
    let modules: TemporaryDirectory

    /// - Parameter arguments: of dta-p11, after the socket.
    /// - Parameter others: modules beside D-TA's, as text of their files.
    init(_ agent: TestAgent, arguments: [String] = [], others: [String: String] = [:]) throws {
        self.agent = agent
        modules = try TemporaryDirectory()
        chmod(modules.path, 0o755)
        let program =
            try Binary.path("dta-p11") + (["", "--socket", agent.socketPath] + arguments).joined(separator: " ")
        // The file that is installed, with this build's program.
        let file = Repository.root.appending(path: "p11-kit/dtad.module.in")
        let text = try String(contentsOf: file, encoding: .utf8)
            .replacingOccurrences(of: "@libexecdir@/dtad/dta-p11", with: program)
        try modules.write("dtad.module", text, mode: 0o644)
        for (name, text) in others { try modules.write("\(name).module", text, mode: 0o644) }
    }

    /// Before a command: where p11-kit has these modules.
    var prefix: [String] {
        let root = geteuid() == 0 ? "-m" : "-rm"
        let script = "mount --bind \"$0\" /usr/share/p11-kit/modules && exec \"$@\""
        return ["/usr/bin/unshare", root, "/bin/sh", "-c", script, modules.path]
    }

    /// Runs a program to its end.
    @discardableResult
    func run(_ command: [String], input: [UInt8] = [], environment: [String: String] = [:]) throws -> Finished {
        let whole = prefix + command
        return try TestSupport.run(whole[0], Array(whole.dropFirst()), input: input, environment: environment)
    }

    /// The same, which must succeed.
    @discardableResult
    func output(_ command: [String], input: [UInt8] = [], environment: [String: String] = [:]) throws -> String {
        let finished = try run(command, input: input, environment: environment)
        guard finished.status == 0 else {
            throw TestFailure("\(command): \(finished.status)\n\(finished.text)\n\(finished.errors)")
        }
        return finished.text
    }

    /// The CKA_ID of the objects with a label, as pkcs11-tool shows it and wants it.
    func id(of label: String) throws -> String {
        let shown = try pkcs11Tool(["-O"])
        let found = shown.matches(of: /label: +(\S+)\n +ID: +([0-9a-f]+)/).first { $0.1 == label }
        guard let found else { throw TestFailure("no ID of \(label): \(shown)") }
        return String(found.2)
    }

    func pkcs11Tool(_ arguments: [String]) throws -> String {
        try output(["pkcs11-tool", "--module", P11Kit.proxy] + arguments)
    }

    /// Has NSS list the keys of a kind, and sign a request with one of them.
    /// - Parameter kind: as `certutil -K` calls it: `ec` or `rsa`.
    /// - Returns: what OpenSSL says of the request.
    func requestByNSS(_ kind: String, key: String, in folder: TemporaryDirectory) throws -> Finished {
        let database = folder.file("nss")
        try FileManager.default.createDirectory(atPath: database, withIntermediateDirectories: true)
        try output(["certutil", "-N", "-d", "sql:\(database)", "--empty-password"])
        try output(["modutil", "-force", "-dbdir", "sql:\(database)", "-add", "p11", "-libfile", P11Kit.proxy])
        let keys = try output(["certutil", "-K", "-d", "sql:\(database)", "-h", "D-TA"])
        let line = try Regex("\(kind) +([0-9a-f]{40}) +\(key)", as: (Substring, Substring).self)
        let id = try #require(keys.firstMatch(of: line)?.output.1, "\(keys)")
        let request = folder.file("request.pem")
        let noise = try folder.write("noise", String(repeating: "noise", count: 100))
        try output([
            "certutil", "-R", "-d", "sql:\(database)", "-h", "D-TA", "-k", String(id), "-s", "CN=nss", "-a", "-o",
            request, "-z", noise,
        ])
        return try run(["openssl", "req", "-in", request, "-verify", "-noout"])
    }
}

enum Repository {
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()
}
