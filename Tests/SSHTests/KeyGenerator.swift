import Foundation
import TestSupport

@testable import DTASSH

/// The real ssh-keygen, in a folder of its own.
struct KeyGenerator {
    let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    /// Makes a key.
    /// - Returns: the path of its private half.
    func make(_ name: String, type: String, bits: Int? = nil) throws -> String {
        let path = folder.file(name)
        try keygen(
            ["-q", "-N", "", "-C", "\(name)@test", "-t", type, "-f", path] + (bits.map { ["-b", "\($0)"] } ?? []))
        return path
    }

    @discardableResult
    func keygen(_ arguments: [String], input: [UInt8] = []) throws -> String {
        let done = try run("ssh-keygen", arguments, input: input)
        guard done.status == 0 else { throw TestFailure("ssh-keygen \(arguments): \(done.errors)") }
        return done.text
    }

    func text(_ name: String) throws -> String { try String(contentsOfFile: folder.file(name), encoding: .utf8) }

    func publicKey(_ name: String) throws -> SSHPublicKey { try SSHPublicKey.line(text("\(name).pub")).key }

    /// The bytes of a `.pub` file, of a key or a certificate.
    func blob(_ file: String) throws -> [UInt8] {
        let fields = try text(file).split(separator: " ")
        return Array(Data(base64Encoded: String(fields[1])) ?? Data())
    }

    /// The types that ssh-keygen makes and that are read here.
    static let types: [(type: String, bits: Int?)] = [
        ("ed25519", nil), ("ecdsa", 256), ("ecdsa", 384), ("ecdsa", 521), ("rsa", 2048),
    ]
}

/// What is inside of an armoured signature of `ssh-keygen -Y sign` (OpenSSH's PROTOCOL.sshsig).
struct ArmouredSignature {
    let key: SSHPublicKey
    let namespace: String
    let hash: String
    let signature: SSHSignature

    init(_ text: String) throws {
        let body = text.split(separator: "\n").filter { !$0.hasPrefix("-----") }.joined()
        guard let data = Data(base64Encoded: body) else { throw TestFailure("no base64") }
        var reader = SSHReader(Array(data).dropFirst(6))
        guard try reader.uint32() == 1 else { throw TestFailure("another version") }
        key = try SSHPublicKey(blob: reader.string())
        namespace = try reader.text(atMost: 100)
        _ = try reader.string()
        hash = try reader.text(atMost: 10)
        signature = try SSHSignature(reader.string())
        try reader.finish()
    }
}
