import Crypto
import DTAConfiguration
import DTASystem
import Foundation
import TestSupport
import Testing

@testable import DTACore

@Suite("The digest of a program")
struct ExecutableDigestTests {
    /// As the server opens it: O_PATH.
    func opened(_ path: String) throws -> Descriptor {
        Descriptor(owning: try systemCall("open") { open(path, 0o10_000_000 | O_CLOEXEC) })
    }

    func sha256(_ bytes: [UInt8]) -> String {
        hex(SHA256.hash(data: bytes))
    }

    @Test(
        "the digest of a program is that of the file that is open, also when its path names another one meanwhile, and follows its changes"
    )
    func content() throws {
        let directory = try TemporaryDirectory()
        let path = try directory.write("program", "one")
        let digests = ExecutableDigest()
        let first = try opened(path)
        try FileManager.default.moveItem(atPath: path, toPath: directory.file("away"))
        try directory.write("program", "two")
        #expect(digests.of(program: first) == sha256(Array("one".utf8)))
        #expect(digests.of(program: try opened(path)) == sha256(Array("two".utf8)))
        let handle = try #require(FileHandle(forWritingAtPath: directory.file("away")))
        try handle.write(contentsOf: Data("won".utf8))
        try handle.close()
        #expect(digests.of(program: first) == sha256(Array("won".utf8)))
    }

    @Test("the digest of a program is there for no sparse file of a terabyte, no pipe and no directory: at once")
    func hostileFiles() throws {
        let directory = try TemporaryDirectory()
        let digests = ExecutableDigest()
        let sparse = try directory.write("sparse", "\u{7f}ELF")
        #expect(truncate(sparse, 1 << 40) == 0)
        #expect(digests.of(program: try opened(sparse)) == nil)
        let justTooLarge = try directory.write("large", "")
        #expect(truncate(justTooLarge, ExecutableDigest.sizeLimit + 1) == 0)
        #expect(digests.of(program: try opened(justTooLarge)) == nil)
        let pipe = directory.file("pipe")
        #expect(mkfifo(pipe, 0o600) == 0)
        #expect(digests.of(program: try opened(pipe)) == nil)
        #expect(digests.of(program: try opened(directory.path)) == nil)
    }

    @Test("the digest of a program is asked for only where all else that a grant wants fits the caller")
    func needed() throws {
        let digest = "unix:sha256:" + String(repeating: "ab", count: 32)
        func policy(_ to: [String]) throws -> Policy {
            try Policy(
                [Configuration.Grant(to: to, keys: ["*"], identities: [], operations: ["sign"])], canSeePrograms: true)
        }
        let forAlice = try policy([digest, "unix:user:alice"])
        #expect(forAlice.needsExecutableDigest && forAlice.needsExecutableDigest(of: alice))
        #expect(!forAlice.needsExecutableDigest(of: bob))
        let forUnit = try policy(["systemd:unit:app.service", digest])
        var service = bob
        #expect(!forUnit.needsExecutableDigest(of: service))
        service.unit = "app.service"
        #expect(forUnit.needsExecutableDigest(of: service))
        let without = try policy(["unix:user:alice"])
        #expect(!without.needsExecutableDigest && !without.needsExecutableDigest(of: alice))
    }
}
