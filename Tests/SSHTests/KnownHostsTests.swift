import Foundation
import TestSupport
import Testing

@testable import DTASSH

@Suite("Hosts and destinations as text and bytes", .ownThread)
struct KnownHostsTests {
    @Test("hosts are found in known_hosts by name, pattern and hash, and authorities too; revoked keys are not")
    func knownHosts() throws {
        let generator = try KeyGenerator()
        for name in ["a", "b", "c"] { _ = try generator.make(name, type: "ed25519") }
        func line(_ name: String) throws -> String { try generator.text("\(name).pub") }
        let plain = try """
        # a comment
        build.example,10.0.0.1 \(line("a"))
        *.test,!bad.test \(line("b"))
        @cert-authority *.example \(line("c"))
        @revoked build.example \(line("b"))
        [port.example]:2222 \(line("b"))
        short
        """
        let a = try generator.publicKey("a")
        let b = try generator.publicKey("b")
        let c = try generator.publicKey("c")
        func keys(_ host: String, _ text: String) -> [SSHDestination.KnownKey] {
            SSHKnownHosts.keys(of: host, in: text)
        }
        #expect(keys("build.example", plain) == [.init(a), .init(c, isAuthority: true)])
        #expect(keys("10.0.0.1", plain) == [.init(a)])
        #expect(keys("good.test", plain) == [.init(b)] && keys("bad.test", plain).isEmpty)
        #expect(
            keys("[port.example]:2222", plain) == [.init(b), .init(c, isAuthority: true)].filter { !$0.isAuthority })
        #expect(keys("nowhere", plain).isEmpty)
        // Names hashed by the real ssh-keygen.
        let path = try generator.folder.write("known_hosts", "hidden.example \(line("a"))")
        try generator.keygen(["-H", "-f", path])
        let hashed = try generator.text("known_hosts")
        #expect(hashed.hasPrefix("|1|"))
        #expect(keys("hidden.example", hashed) == [.init(a)] && keys("other.example", hashed).isEmpty)
    }

    @Test("destinations are read as they were written, and nothing of them can be cut off")
    func encoding() throws {
        let key = SSHPublicKey.ed25519([UInt8](repeating: 1, count: 32))
        let host = SSHDestination.Host.known("h", [.init(key), .init(key, isAuthority: true)])
        let all = [
            SSHDestination(to: host), SSHDestination(to: .any, user: "git"),
            SSHDestination(from: host, to: .known("other", [.init(key)]), user: "alice"),
            SSHDestination(from: .any, to: host),
        ]
        let bytes = SSHDestination.encode(all)
        #expect(try SSHDestination.decode(bytes) == all)
        #expect(all.map(\.description) == ["h", "git@*", "h>alice@other", "*>h"])
        #expect(try SSHDestination.decode([]).isEmpty)
        let whole = Set(all.indices.map { SSHDestination.encode(Array(all.prefix($0))).count } + [bytes.count])
        for length in 0..<bytes.count where !whole.contains(length) {
            #expect(throws: SSHFormatError.self) { try SSHDestination.decode(Array(bytes.prefix(length))) }
        }
        let many = SSHDestination.encode([SSHDestination](repeating: SSHDestination(to: .any), count: 257))
        #expect(throws: SSHFormatError.self) { try SSHDestination.decode(many) }
        // To nowhere, and to a host without a key.
        #expect(throws: SSHFormatError.self) {
            try SSHDestination.decode(SSHDestination.encode([.init(to: .known("", []))]))
        }
        #expect(throws: SSHFormatError.self) {
            try SSHDestination.decode(SSHDestination.encode([.init(to: .known("h", []))]))
        }
    }
}
