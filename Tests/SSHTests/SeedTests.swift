import Foundation
import TestSupport
import Testing

@testable import DTASSH

/// The seeds for fuzzing SSH's formats: `Tests/fuzz/corpus/ssh`.
@Suite("Seeds of SSH", .serialized, .ownThread)
struct SeedTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../fuzz/corpus/ssh").standardizedFileURL
    private static let key = SSHPublicKey.ed25519([UInt8](repeating: 1, count: 32))

    /// `DTA_WRITE_VECTORS=1` makes them anew.
    init() throws {
        guard ProcessInfo.processInfo.environment["DTA_WRITE_VECTORS"] != nil else { return }
        try FileManager.default.createDirectory(at: Self.folder, withIntermediateDirectories: true)
        for (name, bytes) in try Self.made() { try Data(bytes).write(to: Self.folder.appendingPathComponent(name)) }
    }

    private static func made() throws -> [(name: String, bytes: [UInt8])] {
        let generator = try KeyGenerator()
        var seeds: [(name: String, bytes: [UInt8])] = []
        let authority = try generator.make("ca", type: "ecdsa", bits: 256)
        for (type, bits) in KeyGenerator.types {
            let name = "\(type)\(bits.map { "\($0)" } ?? "")"
            _ = try generator.make(name, type: type, bits: bits)
            seeds.append(("key-\(name)", try generator.blob("\(name).pub")))
            try generator.keygen([
                "-q", "-s", authority, "-I", name, "-n", "h,alice", "-h", "-V", "+1h",
                generator.folder.file("\(name).pub"),
            ])
            seeds.append(("certificate-\(name)", try generator.blob("\(name)-cert.pub")))
        }
        let host = try generator.publicKey("ed25519")
        let login = loginBytes(key: key, hostKey: host)
        var sign = SSHWriter()
        sign.byte(13)
        sign.string(key.blob)
        sign.string(login)
        sign.uint32(4)
        var bind = SSHWriter()
        bind.byte(SSHAgentRequest.extensionCode)
        bind.string(SSHAgentRequest.bindName)
        bind.string(host.blob)
        bind.string([UInt8](repeating: 9, count: 32))
        var signature = SSHWriter()
        signature.string("ssh-ed25519")
        signature.string([UInt8](repeating: 7, count: 64))
        bind.string(signature.bytes)
        bind.boolean(true)
        var message = SSHWriter()
        message.raw(SSHSignedMessage.magic)
        message.string("git")
        message.string("")
        message.string("sha512")
        message.string([UInt8](repeating: 3, count: 64))
        let destinations = [
            SSHDestination(to: .known("h", [.init(host), .init(host, isAuthority: true)]), user: "alice"),
            SSHDestination(from: .known("h", [.init(host)]), to: .any),
        ]
        let known = try "h,*.test \(generator.text("ed25519.pub"))@cert-authority h \(generator.text("ca.pub"))"
        return seeds + [
            ("list", [11]), ("sign", sign.bytes), ("bind", bind.bytes), ("lock", [22, 0, 0, 0, 1, 120]),
            ("login", loginBytes(key: key)), ("login-hostbound", login), ("message", message.bytes),
            ("signature", signature.bytes), ("destinations", SSHDestination.encode(destinations)),
            ("known-hosts", Array(known.utf8)), ("cut", Array(sign.bytes.dropLast(3))),
            ("long", [13, 0xff, 0xff, 0xff, 0xff]),
        ]
    }

    @Test("seeds are read as requests, keys, certificates, log-ins, messages and destinations, each at least once")
    func read() throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path)
        var read: Set<String> = []
        for name in names {
            let bytes = Array(try Data(contentsOf: Self.folder.appendingPathComponent(name)))
            if (try? SSHAgentRequest(bytes)) != nil { read.insert("request") }
            if let key = try? SSHKey(blob: bytes) {
                #expect(key.blob == bytes, "\(name)")
                read.insert(key.certificate == nil ? "key" : "certificate")
            }
            if let destinations = try? SSHDestination.decode(bytes), !destinations.isEmpty {
                #expect(try SSHDestination.decode(SSHDestination.encode(destinations)) == destinations, "\(name)")
                read.insert("destinations")
            }
            switch SSHSignedData(bytes, by: Self.key) {
            case .login: read.insert("login")
            case .message: read.insert("message")
            default: break
            }
            if !SSHKnownHosts.keys(of: "h", in: String(decoding: bytes, as: UTF8.self)).isEmpty { read.insert("hosts") }
        }
        #expect(read == ["request", "key", "certificate", "destinations", "login", "message", "hosts"])
    }
}
