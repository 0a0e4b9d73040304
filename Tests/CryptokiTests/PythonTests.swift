import AgentProtocol
import Foundation
import TestSupport
import Testing

/// Other people's bindings of PKCS#11, from PyPI.
private enum Bindings {
    static let interpreter = Repository.root.path + "/.build/python/bin/python"

    static var areThere: Bool { access(Repository.root.path + "/.build/python/requirements.txt", R_OK) == 0 }
}

@Suite(
    "PKCS#11 in Python, by p11-kit", .ownThread,
    .enabled(if: Bindings.areThere, "needs the environment that Scripts/python makes"))
struct PythonTests {
    @Test(
        "python-pkcs11 and PyKCS11 list keys, sign and verify with ECDSA and RSA, and decrypt",
        arguments: ["python-pkcs11", "pykcs11"])
    func uses(binding: String) throws {
        let agent = try TestAgent()
        for (name, type) in [("curve", AgentKeyType.p256), ("rsa", .rsa3072)] {
            _ = try agent.client().call(.createKey(name, type: type), timeout: .seconds(150))
        }
        let script = Repository.root.path + "/Tests/interop/pkcs11_clients.py"
        let said = try P11Kit(agent).output([Bindings.interpreter, "-B", script, binding, P11Kit.proxy])
        #expect(said == "curve valid\nrsa valid\nrsa valid\nrsa decrypts\n")
        let records = try agent.client().call(.list(.auditList, count: 100)).lines
        #expect(records.count { $0.contains("\"sign\"") } == 3)
        #expect(records.count { $0.contains("\"decrypt\"") } == 1)
    }
}
