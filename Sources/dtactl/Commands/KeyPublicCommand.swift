import AgentProtocol
import ArgumentParser
import DTAFormats
import DTASystem
import Glibc

struct KeyPublicCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "public", abstract: "Write the public half of a key.",
        discussion: """
            pem and der are SubjectPublicKeyInfo, as OpenSSL reads it; raw is the key alone (32 bytes for Ed25519, \
            the uncompressed point of a curve, RSAPublicKey in DER); jwk is a JSON Web Key; authorized-key \
            (or ssh) is a line for authorized_keys; allowed-signers is one for ssh-keygen -Y verify and git; pkcs11-uri \
            names the private key for programs that use PKCS#11.

            Example:
              dtactl key public release --out release.pem
              dtactl key public deploy --format authorized-key >> ~/.ssh/authorized_keys
              dtactl key public release --format allowed-signers --principal alice@example.org --namespace git
            """)

    enum Format: String, CaseIterable, ExpressibleByArgument {
        case pem, der, raw, ssh, jwk
        case authorizedKey = "authorized-key"
        case allowedSigners = "allowed-signers"
        case pkcs11URI = "pkcs11-uri"
    }

    @Argument(help: "The key's name.", completion: .keyNames)
    var name: String

    @Option(name: [.long, .customShort("f")], help: "The form.")
    var format = Format.pem

    @Option(
        help: ArgumentHelp(
            "Of allowed-signers: whose signatures these are; by default the owner.", valueName: "name"))
    var principal: String?

    @Option(
        help: ArgumentHelp(
            "Of allowed-signers: what the signatures count for, such as git; may be repeated. By default all.",
            valueName: "name"))
    var namespace: [String] = []

    @OptionGroup var output: BinaryOutput
    @OptionGroup var agent: AgentOptions

    func validate() throws {
        guard format != .allowedSigners, principal != nil || !namespace.isEmpty else { return }
        throw ValidationError("--principal and --namespace are for --format allowed-signers.")
    }

    func run() throws {
        let key = try agent.key(name)
        if format == .pkcs11URI { return try show(PKCS11URI.privateKey(name: key.name, owner: key.othersName), key) }
        guard let half = try key.publicHalf else {
            throw Failure.failed(
                .failedPrecondition, "key \(name) is \(KeyType.name(key.type)): it has no public half")
        }
        if key.isForECDH, [.ssh, .authorizedKey, .allowedSigners].contains(format) {
            throw Failure.failed(
                .failedPrecondition, "key \(name) is \(KeyType.name(key.type)): it signs nothing, so ssh cannot use it")
        }
        switch format {
        case .pem: try show(String(half.pem.dropLast()), key)
        case .der: try write(half.spkiDER, key)
        case .raw: try write(half.raw, key)
        case .ssh, .authorizedKey: try show(half.openSSH(comment: key.name), key)
        case .allowedSigners:
            try show(AllowedSigner(principal: principal ?? key.ownerName, namespaces: namespace).line(half), key)
        case .jwk: try show(half.jwk, key)
        case .pkcs11URI: break
        }
    }

    /// A text, as lines.
    private func show(_ text: String, _ key: AgentKey) throws {
        let text = text + "\n"
        guard agent.json, output.out == nil else { return try write(Array(text.utf8), key, isText: true) }
        try JSON.object(members(key) + [("public_key", .string(text))]).show()
    }

    private func write(_ bytes: [UInt8], _ key: AgentKey, isText: Bool = false) throws {
        try output.put(
            bytes, what: "public key", mayBeText: isText, member: "public_key", json: agent.json ? members(key) : nil)
    }

    private func members(_ key: AgentKey) -> [(String, JSON)] {
        [("name", .string(key.name)), ("format", .string(format.rawValue))]
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

    /// The owner's name, or uid if that has none.
    var ownerName: String { owner.isEmpty ? "\(ownerUid)" : owner }

    /// The same if it is another user than the caller.
    var othersName: String? { ownerUid == geteuid() ? nil : ownerName }

    /// Its type, and whether it was elsewhere before.
    var typeText: String { KeyType.name(type) + (imported ? ", imported" : "") }

    var ownerText: String { owner.isEmpty ? "uid \(ownerUid)" : owner }

    var json: JSON {
        var members: [(String, JSON)] = [
            ("name", .string(name)), ("type", .string(KeyType.name(type))), ("owner", .string(owner)),
            ("owner_uid", .number(Int64(ownerUid))), ("created", .number(created)),
        ]
        if let pem = try? publicHalf?.pem { members.append(("public_key", .string(pem))) }
        members.append(("imported", .bool(imported)))
        return .object(members)
    }
}
