import AgentProtocol
import CPKCS11
import Foundation
import TestSupport
import Testing

@testable import DTACryptoki

@Suite("Certificates and ids of keys", .ownThread)
struct CertificateTests {
    private let agent: TestAgent
    private let folder: TemporaryDirectory

    init() throws {
        agent = try TestAgent()
        folder = try TemporaryDirectory()
        for name in ["web", "other"] {
            _ = try agent.client().call(.createKey(name, type: .p256), timeout: .seconds(120))
        }
    }

    /// A certificate of a key that it signs itself, in DER.
    private func certificate(_ name: String, subject: String = "/CN=localhost") throws -> (path: String, der: [UInt8]) {
        let file = folder.file("\(name).der")
        try P11Kit(agent).output([
            "openssl", "req", "-new", "-x509", "-days", "2", "-subj", subject, "-out", file, "-outform", "DER",
            "-engine",
            "pkcs11", "-keyform", "engine", "-key", "pkcs11:token=D-TA;object=\(name);type=private",
        ])
        return (file, [UInt8](try Data(contentsOf: URL(fileURLWithPath: file))))
    }

    private func dtactl(_ arguments: [String]) throws -> Finished {
        try run(try Binary.path("dtactl"), arguments + ["--socket", agent.socketPath])
    }

    @Test("a stored certificate is an object beside its key, and goes without it")
    func objects() throws {
        let (path, der) = try certificate("web")
        let added = try dtactl(["key", "certificate", "add", "web", path])
        #expect(added.status == 0, "\(added.errors)")
        let client = try RPCClient.initialized(agent)
        let session = try client.openSession(readWrite: true)
        let object = try client.object(session, CKO_CERTIFICATE, "web")
        #expect(try client.bytes(session, object, CKA_VALUE) == der)
        let key = try client.object(session, CKO_PRIVATE_KEY, "web")
        #expect(try client.bytes(session, object, CKA_ID) == client.bytes(session, key, CKA_ID))
        let parsed = try #require(Certificate(der))
        #expect(try client.bytes(session, object, CKA_SUBJECT) == parsed.subject)
        #expect(try client.bytes(session, object, CKA_ISSUER) == parsed.issuer)
        #expect(try client.bytes(session, object, CKA_SERIAL_NUMBER) == parsed.serialNumber)
        #expect(
            try client.find(
                session, [Attribute(CKA_CLASS, .number(CKO_CERTIFICATE)), Attribute(CKA_VALUE, .bytes(der))])
                == [object])
        // Destroying it leaves the key.
        _ = try client.call(.destroyObject) {
            $0.number(session)
            $0.number(object)
        }
        #expect(try client.find(session, []).count == 4)
        #expect(try client.signature(session, CKM_ECDSA, key, [UInt8](repeating: 1, count: 32)).count == 64)
        // And a client stores it again.
        var reader = try client.call(.createObject) {
            $0.number(session)
            $0.template([
                Attribute(CKA_CLASS, .number(CKO_CERTIFICATE)), Attribute(CKA_CERTIFICATE_TYPE, .number(CKC_X_509)),
                Attribute(CKA_VALUE, .bytes(der)),
            ])
        }
        #expect(try client.bytes(session, try reader.number(), CKA_VALUE) == der)
        // A deleted key takes its certificates along.
        _ = try agent.client().call(.deleteKey("web"))
        _ = try agent.client().call(.createKey("web", type: .p256), timeout: .seconds(120))
        #expect(try agent.client().call(.list(.keyViews)).keyViews.allSatisfy { $0.certificates.isEmpty })
    }

    @Test("only a certificate of the key is stored, and a bounded number of them")
    func refusals() throws {
        let (path, der) = try certificate("web")
        let other = try dtactl(["key", "certificate", "add", "other", path])
        #expect(other.status == 1 && other.errors.contains("does not hold the public half"), "\(other.errors)")
        let client = agent.client()
        #expect(try client.refusal(.addCertificate([], to: "web")).code == .invalidArgument)
        #expect(
            try client.refusal(.addCertificate([UInt8](repeating: 1, count: 16_385), to: "web")).code
                == .invalidArgument)
        #expect(try client.refusal(.removeCertificate(der, from: "web")).code == .notFound)
        for count in 0..<8 { _ = try client.call(.addCertificate(der + [UInt8(count)], to: "web")) }
        #expect(try client.refusal(.addCertificate(der, to: "web")).code == .resourceExhausted)
        // What is no certificate is not shown as one.
        let token = try RPCClient.initialized(agent)
        let session = try token.openSession()
        #expect(try token.find(session, [Attribute(CKA_CLASS, .number(CKO_CERTIFICATE))]).isEmpty)
        let text = try folder.write("text", "no certificate")
        #expect(try dtactl(["key", "certificate", "add", "web", text]).status == 1)
    }

    @Test("an id that the owner set finds the key, survives a restart, and belongs to one of the owner's keys")
    func ids() throws {
        #expect(try dtactl(["key", "id", "web", "0a01"]).text == "0a01\n")
        let taken = try dtactl(["key", "id", "other", "0a01"])
        #expect(taken.status == 1 && taken.errors.contains("web"), "\(taken.errors)")
        agent.stop()
        try agent.startServing()
        let client = try RPCClient.initialized(agent)
        let session = try client.openSession(readWrite: true)
        let found = try client.find(session, [Attribute(CKA_ID, .bytes([10, 1]))])
        #expect(found.count == 2)
        let key = try client.object(session, CKO_PRIVATE_KEY, "web")
        #expect(found.contains(key))
        func set(_ attributes: [Attribute]) throws {
            _ = try client.call(.setAttributeValue) {
                $0.number(session)
                $0.number(key)
                $0.template(attributes)
            }
        }
        try set([Attribute(CKA_ID, .bytes([7]))])
        #expect(try client.bytes(session, key, CKA_ID) == [7])
        #expect(
            try client.refusal { try set([Attribute(CKA_LABEL, .bytes([7]))]) } == CKR_ATTRIBUTE_READ_ONLY)
        #expect(
            try client.refusal { try set([Attribute(CKA_EXTRACTABLE, .flag(true))]) } == CKR_ATTRIBUTE_READ_ONLY)
        #expect(try dtactl(["key", "id", "web", "--reset"]).status == 0)
        try agent.wait("the id", every: 100) {
            _ = try client.find(session, [])
            return try client.bytes(session, key, CKA_ID).count == 20
        }
    }

    @Test("a user who may only see a key finds no private object of it", .enabled(if: OtherUser.arePossible))
    func seen() throws {
        try agent.addConfiguration(
            "grants:\n  - to: [\"unix:user:list\"]\n    keys: [web]\n    operations: [public]")
        agent.stop()
        try agent.startServing()
        let user = ["/usr/bin/setpriv", "--reuid", "38", "--regid", "38", "--clear-groups"]
        let client = try RPCClient(agent, prefix: user)
        try client.initialize()
        let session = try client.openSession(readWrite: true)
        let found = try client.find(session, [])
        #expect(found.count == 1)
        #expect(try client.attributes(session, found[0], [CKA_CLASS]).values[0].value == .number(CKO_PUBLIC_KEY))
    }

    @Test("p11tool makes a key with an id of its own and stores its certificate, and NSS signs with it")
    func programs() throws {
        let kit = try P11Kit(agent)
        try kit.output([
            "p11tool", "--generate-ecc", "--curve", "secp256r1", "--label", "mail", "--id", "0102", "--outfile",
            folder.file("mail.pub"), "pkcs11:token=D-TA",
        ])
        let objects = try kit.output(["p11tool", "--list-all", "pkcs11:token=D-TA;object=mail"])
        #expect(objects.contains("id=%01%02;object=mail;type=private"), "\(objects)")
        // Of an authority, whose certificate NSS trusts.
        let (authority, _) = try certificate("other", subject: "/CN=authority")
        let (request, path) = (folder.file("request.pem"), folder.file("mail.der"))
        func engine(_ key: String) -> String { "pkcs11:token=D-TA;object=\(key);type=private" }
        try kit.output([
            "openssl", "req", "-new", "-subj", "/CN=mail/emailAddress=mail@localhost", "-out", request, "-engine",
            "pkcs11", "-keyform", "engine", "-key", engine("mail"),
        ])
        try kit.output([
            "openssl", "x509", "-req", "-in", request, "-CA", authority, "-days", "2", "-set_serial", "7", "-outform",
            "DER", "-out", path, "-engine", "pkcs11", "-CAkeyform", "engine", "-CAkey", engine("other"),
        ])
        let stored = try kit.run([
            "pkcs11-tool", "--module", P11Kit.proxy, "--write-object", path, "--type", "cert", "--id", "0102",
        ])
        #expect(stored.status == 0, "\(stored.text)\(stored.errors)")
        let certificates = try kit.output(["p11tool", "--list-all-certs", "pkcs11:token=D-TA"])
        #expect(certificates.contains("object=mail;type=cert"), "\(certificates)")

        let database = folder.file("nss")
        try FileManager.default.createDirectory(atPath: database, withIntermediateDirectories: true)
        try kit.output(["certutil", "-N", "-d", "sql:\(database)", "--empty-password"])
        try kit.output(["modutil", "-force", "-dbdir", "sql:\(database)", "-add", "p11", "-libfile", P11Kit.proxy])
        try kit.output(["certutil", "-A", "-d", "sql:\(database)", "-n", "authority", "-t", "CT,C,C", "-i", authority])
        let listed = try kit.output(["certutil", "-L", "-d", "sql:\(database)", "-h", "D-TA"])
        #expect(listed.contains("D-TA:mail"), "\(listed)")
        let message = try folder.write("message", "what is signed")
        let signed = folder.file("signed.der")
        try kit.output([
            "cmsutil", "-S", "-d", "sql:\(database)", "-N", "D-TA:mail", "-i", message, "-o", signed, "-H", "SHA256",
        ])
        let read = try kit.run([
            "openssl", "cms", "-verify", "-in", signed, "-inform", "DER", "-noverify", "-purpose", "any",
        ])
        #expect(read.status == 0 && read.text.contains("what is signed"), "\(read.errors)")
    }
}
