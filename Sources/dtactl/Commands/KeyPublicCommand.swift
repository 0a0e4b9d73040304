import AgentProtocol
import ArgumentParser
import DTAFormats
import DTASystem

struct KeyPublicCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "public", abstract: "Write the public half of a key.",
        discussion: """
            pem and der are SubjectPublicKeyInfo, as OpenSSL reads it; raw is the key alone (32 bytes for Ed25519, else \
            the uncompressed point); ssh is a line for authorized_keys.

            Example:
              dtactl key public release --out release.pem
              dtactl key public deploy --format ssh >> ~/.ssh/authorized_keys
            """)

    enum Format: String, CaseIterable, ExpressibleByArgument { case pem, der, raw, ssh }

    @Argument(help: "The key's name.", completion: .keyNames)
    var name: String

    @Option(name: [.long, .customShort("f")], help: "The form.")
    var format = Format.pem

    @OptionGroup var output: BinaryOutput
    @OptionGroup var agent: AgentOptions

    func run() throws {
        let key = try agent.key(name)
        guard let half = try key.publicHalf else {
            throw Failure.failed(
                .failedPrecondition, "key \(name) is \(KeyType.name(key.type)): it has no public half")
        }
        let bytes: [UInt8]
        switch format {
        case .pem: bytes = Array(half.pem.utf8)
        case .der: bytes = half.spkiDER
        case .raw: bytes = half.raw
        case .ssh: bytes = try Array((half.openSSH(comment: key.name) + "\n").utf8)
        }
        let isText = format == .pem || format == .ssh
        let json: [(String, JSON)] = [("name", .string(key.name)), ("format", .string(format.rawValue))]
        if agent.json, isText, output.out == nil {
            let text = String(decoding: bytes, as: UTF8.self)
            return try JSON.object(json + [("public_key", .string(text))]).show()
        }
        try output.put(
            bytes, what: "public key", mayBeText: isText, member: "public_key", json: agent.json ? json : nil)
    }
}

extension AgentOptions {
    func key(_ name: String) throws -> AgentKey {
        guard let key = try call(.showKey(name)).keys.first else {
            throw DTAError(.internal, "the agent answered without the key")
        }
        return key
    }
}

extension AgentKey {
    /// Nil for symmetric keys.
    var publicHalf: PublicKey? {
        get throws { try publicKey.isEmpty ? nil : PublicKey(spkiDER: [UInt8](publicKey)) }
    }

    var ownerText: String { owner.isEmpty ? "uid \(ownerUid)" : owner }

    var json: JSON {
        var members: [(String, JSON)] = [
            ("name", .string(name)), ("type", .string(KeyType.name(type))), ("owner", .string(owner)),
            ("owner_uid", .number(Int64(ownerUid))), ("created", .number(created)),
        ]
        if let pem = try? publicHalf?.pem { members.append(("public_key", .string(pem))) }
        return .object(members)
    }
}
