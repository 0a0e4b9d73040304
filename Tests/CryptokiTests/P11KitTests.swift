import AgentProtocol
import Crypto
import DTABytes
import DTASystem
import Foundation
import TestSupport
import Testing

@testable import DTACryptoki

@Suite("Programs that know PKCS#11, by p11-kit", .ownThread)
struct P11KitTests {
    private static let shared = Result { try TokenTests.madeAgent() }

    private func kit() throws -> P11Kit { try P11Kit(try P11KitTests.shared.get()) }

    @Test("pkcs11-tool lists the token and its objects")
    func lists() throws {
        let kit = try kit()
        let slots = try kit.pkcs11Tool(["-L"])
        #expect(slots.contains("D-TA") && slots.contains("token initialized") && !slots.contains("login required"))
        let objects = try kit.pkcs11Tool(["-O"])
        // No release of p11-kit can use Ed25519.
        #expect(!objects.contains("label:      ed\n"))
        for name in ["p256", "p384", "k1"] { #expect(objects.contains("label:      \(name)\n"), "\(objects)") }
        let mechanisms = try kit.pkcs11Tool(["-M"])
        #expect(mechanisms.contains("ECDSA") && mechanisms.contains("SHA256-HMAC"))
    }

    @Test(
        "pkcs11-tool signs with ECDSA keys, and OpenSSL verifies",
        arguments: [("p256", "sha256", 32), ("p384", "sha384", 48)])
    func signs(name: String, hash: String, length: Int) throws {
        let kit = try kit()
        let folder = try TemporaryDirectory()
        let message = try folder.write("message", "what is signed")
        let digest = folder.file("digest")
        try kit.output(["openssl", "dgst", "-\(hash)", "-binary", "-out", digest, message])
        let signature = folder.file("signature")
        let id = try kit.id(of: name)
        _ = try kit.pkcs11Tool([
            "--sign", "--mechanism", "ECDSA", "--id", id, "--input-file", digest, "--output-file", signature,
            "--signature-format", "openssl",
        ])
        // pkcs11-tool 0.23 cannot read a P-384 key.
        let open = try folder.write("public.der", [UInt8](kit.agent.client().call(.showKey(name)).keys[0].publicKey))
        if name == "p256" {
            let read = folder.file("read.der")
            _ = try kit.pkcs11Tool(["--read-object", "--type", "pubkey", "--label", name, "--output-file", read])
            #expect(try Data(contentsOf: URL(fileURLWithPath: read)) == Data(contentsOf: URL(fileURLWithPath: open)))
        }
        let verified = try kit.output([
            "openssl", "dgst", "-\(hash)", "-verify", open, "-keyform", "DER", "-signature", signature, message,
        ])
        #expect(verified.contains("Verified OK"))
        // And by itself.
        let raw = folder.file("raw")
        _ = try kit.pkcs11Tool([
            "--sign", "--mechanism", "ECDSA", "--id", id, "--input-file", digest, "--output-file", raw,
        ])
        let own = try kit.pkcs11Tool([
            "--verify", "--mechanism", "ECDSA", "--id", id, "--input-file", digest, "--signature-file", raw,
        ])
        #expect(own.contains("Signature is valid"))
    }

    @Test("pkcs11-tool makes MACs and digests, and takes a PIN that nobody asked for")
    func others() throws {
        let kit = try kit()
        let folder = try TemporaryDirectory()
        let message = try folder.write("message", "abc")
        let out = folder.file("out")
        let id = try kit.id(of: "mac")
        _ = try kit.pkcs11Tool([
            "--login", "--pin", "1234", "--sign", "--mechanism", "SHA256-HMAC", "--id", id, "--input-file",
            message,
            "--output-file", out,
        ])
        let mac = try kit.agent.client().call(.mac(key: "mac", message: Array("abc".utf8))).data
        #expect(try Data(contentsOf: URL(fileURLWithPath: out)) == mac)
        _ = try kit.pkcs11Tool(["--hash", "--mechanism", "SHA256", "--input-file", message, "--output-file", out])
        #expect(try Data(contentsOf: URL(fileURLWithPath: out)) == Data(SHA256.hash(data: Array("abc".utf8))))
        _ = try kit.pkcs11Tool(["--generate-random", "32", "--output-file", out])
        #expect(try Data(contentsOf: URL(fileURLWithPath: out)).count == 32)
    }

    @Test("pkcs11-tool's own test passes as far as it applies")
    func ownTest() throws {
        let kit = try kit()
        let finished = try kit.run(["pkcs11-tool", "--module", P11Kit.proxy, "--login", "--pin", "1234", "--test"])
        #expect(finished.status == 0 && finished.text.contains("No errors"), "\(finished.text)\(finished.errors)")
    }

    @Test("p11tool lists the token and its objects, and tests a key")
    func p11tool() throws {
        let kit = try kit()
        let tokens = try kit.output(["p11tool", "--list-tokens"])
        #expect(tokens.contains("token=D-TA"))
        let objects = try kit.output(["p11tool", "--list-all", "pkcs11:token=D-TA"])
        for name in ["p256", "p384"] {
            #expect(objects.contains("object=\(name);type=private") && objects.contains("object=\(name);type=public"))
            try kit.output(["p11tool", "--test-sign", "pkcs11:token=D-TA;object=\(name);type=private"])
        }
        let exported = try kit.output(["p11tool", "--export", "pkcs11:token=D-TA;object=p256;type=public"])
        let spki = try kit.agent.client().call(.showKey("p256")).keys[0].publicKey
        #expect(exported.replacing("\n", with: "").contains(spki.base64EncodedString()))
    }

    @Test("ssh-keygen shows the ECDSA keys that OpenSSH can use")
    func sshKeygen() throws {
        let keys = try kit().output(["ssh-keygen", "-D", P11Kit.proxy]).split(separator: "\n").map(String.init)
        #expect(keys.count { $0.hasPrefix("ecdsa-sha2-nistp256 ") && $0.hasSuffix(" p256") } == 1, "\(keys)")
        #expect(keys.count { $0.hasPrefix("ecdsa-sha2-nistp384 ") && $0.hasSuffix(" p384") } == 1, "\(keys)")
    }

    @Test("with the agent stopped, or for a user that may not ask, other tokens work as before, and nothing is said")
    func away() throws {
        let agent = try TestAgent()
        let softHSM = "module: /usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so\n"
        let kit = try P11Kit(agent, others: ["softhsm2": softHSM])
        let alone = try P11Kit(agent, others: ["softhsm2": softHSM])
        unlink(alone.modules.file("dtad.module"))
        func slots(_ kit: P11Kit, _ prefix: [String] = []) throws -> Finished {
            try kit.run(prefix + ["p11tool", "--list-tokens"])
        }
        #expect(try slots(kit).text.contains("token=D-TA"))
        let without = try slots(alone)
        if OtherUser.arePossible {
            chmod(agent.socketPath, 0o600)
            let user = ["/usr/bin/setpriv", "--reuid", "38", "--regid", "38", "--clear-groups"]
            let other = try slots(kit, user)
            let expected = try slots(alone, user)
            #expect(other.text == expected.text && other.errors == expected.errors && other.status == expected.status)
            chmod(agent.socketPath, 0o666)
        }
        agent.stop()
        let stopped = try slots(kit)
        #expect(stopped.text == without.text && stopped.errors == without.errors && stopped.status == without.status)
        try agent.start()
        #expect(try slots(kit).text.contains("token=D-TA"))
    }
}
