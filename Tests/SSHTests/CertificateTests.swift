import Foundation
import TestSupport
import Testing

@testable import DTASSH

@Suite("Certificates of SSH", .ownThread)
struct CertificateTests {
    @Test(
        "a certificate of ssh-keygen is read with all that it says, and its signature is valid",
        arguments: KeyGenerator.types)
    func users(type: String, bits: Int?) throws {
        let generator = try KeyGenerator()
        let authority = try generator.make("ca", type: type, bits: bits)
        _ = try generator.make("alice", type: type, bits: bits)
        try generator.keygen([
            "-q", "-s", authority, "-I", "alice's laptop", "-n", "alice,deploy", "-z", "7", "-V", "+1h", "-O", "clear",
            "-O", "permit-pty", "-O", "force-command=/bin/true", "-O", "source-address=10.0.0.0/8",
            generator.folder.file("alice.pub"),
        ])
        let blob = try generator.blob("alice-cert.pub")
        let certificate = try SSHCertificate(blob: blob)
        #expect(try certificate.key == generator.publicKey("alice"))
        #expect(try certificate.authority == generator.publicKey("ca"))
        #expect(certificate.kind == .user && certificate.serial == 7 && certificate.keyID == "alice's laptop")
        #expect(certificate.principals == ["alice", "deploy"])
        #expect(certificate.validBefore - certificate.validAfter >= 3600)
        #expect(certificate.criticalOptions.map(\.name) == ["force-command", "source-address"])
        #expect(certificate.extensions.map(\.name) == ["permit-pty"])
        #expect(certificate.isSigned)

        // What was signed is what an authority is asked to sign.
        let asked = SSHSignedData(certificate.signedBytes, by: certificate.authority)
        guard case .certificate(let unsigned) = asked else {
            Issue.record("it is not read as a certificate to be signed")
            return
        }
        #expect(unsigned.principals == certificate.principals && unsigned.signature == nil)
        // Another key is no authority of it.
        #expect(SSHSignedData(certificate.signedBytes, by: certificate.key) == .unknown)

        let key = try SSHKey(blob: blob)
        #expect(key.plain == certificate.key && key.typeName.hasSuffix("-cert-v01@openssh.com"))
        // One flipped bit anywhere makes it another certificate or none.
        for position in stride(from: 0, to: blob.count, by: 7) {
            var other = blob
            other[position] ^= 1
            #expect((try? SSHCertificate(blob: other))?.isSigned != true, "byte \(position)")
        }
        for length in 0..<blob.count {
            #expect(throws: SSHFormatError.self) { try SSHCertificate(blob: Array(blob.prefix(length))) }
        }
    }

    @Test("a certificate vouches for a host by its name and time, and one for users vouches for none")
    func hosts() throws {
        let generator = try KeyGenerator()
        let authority = try generator.make("ca", type: "ed25519")
        func issue(_ options: [String]) throws -> SSHCertificate {
            _ = try? FileManager.default.removeItem(atPath: generator.folder.file("h"))
            _ = try generator.make("h", type: "ecdsa", bits: 256)
            try generator.keygen(["-q", "-s", authority, "-I", "h"] + options + [generator.folder.file("h.pub")])
            return try SSHCertificate(blob: generator.blob("h-cert.pub"))
        }
        let now = UInt64(Date().timeIntervalSince1970)
        let named = try issue(["-h", "-n", "build.example,*.test", "-V", "+1h"])
        #expect(named.vouches(forHost: "build.example", now: now))
        #expect(named.vouches(forHost: "a.test", now: now))
        #expect(!named.vouches(forHost: "other.example", now: now))
        #expect(!named.vouches(forHost: "build.example", now: now + 7200))
        #expect(!named.vouches(forHost: "build.example", now: now - 7200))
        #expect(try issue(["-h"]).vouches(forHost: "any.example", now: now))
        #expect(try !issue(["-n", "build.example"]).vouches(forHost: "build.example", now: now))
    }
}
