import AgentProtocol
import ArgumentParser
import Crypto
import DTABytes
import DTAFormats
import DTAKeyFiles
import DTASystem
import Glibc

struct KeyImportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Take a key that exists already into the HSM.",
        discussion: """
            It reads PEM and DER (PKCS#8, SEC 1, PKCS#1), OpenSSH private keys without a passphrase, JSON Web Keys, and, \
            with --type, the bare bytes of a key. The key travels wrapped to dtad-hsm, for which --agent-key vouches: \
            the file that dtad init wrote. It is marked as imported for ever, because there may be copies of it: \
            destroy the file when all works.

            Example:
              dtactl key import deploy ~/.ssh/id_ed25519
              openssl pkey -in encrypted.pem | dtactl key import web -
            """)

    @Argument(help: "Its name: 1 to 64 of a-z A-Z 0-9 . _ -")
    var name: String

    @Argument(
        help: "The file; standard input if it is - or missing.", completion: .file(),
        transform: FileName.argument)
    var file: String?

    @Option(name: [.long, .customShort("t")], help: "The type that the key must have; by default as the file says.")
    var type: KeyType?

    @Flag(help: "Allow rsa2048.")
    var legacy = false

    @Option(
        help: ArgumentHelp(
            "The public half of the token's key for imports; by default $DTA_AGENT_KEY, or /etc/dtad/import.pem.",
            valueName: "file"),
        completion: .file(), transform: FileName.argument)
    var agentKey: String?

    @OptionGroup var agent: AgentOptions

    func run() throws {
        let signer = try AgentKeyFile.read(agentKey)
        let input = try InputFile(file, after: name)
        let key = try read(input)
        guard key.kind != .rsa2048 || legacy else {
            record(why: "legacy")
            throw Failure.usage("rsa2048 is for old things only: make an rsa3072 key, or add --legacy")
        }
        let made = try send(key, signer)
        for key in made {
            if agent.json {
                try key.json.show()
            } else {
                try StandardOutput.line("imported \(KeyType.name(key.type)) key \(SafeText.line(key.name))")
            }
        }
    }

    /// Tells the agent why this refuses, for the record. It changes nothing here, and the agent may be away.
    private func record(why: String) {
        _ = try? agent.connect().call(.refuseKeyImport(name, why: why), timeout: .seconds(5))
    }

    private func read(_ input: InputFile) throws -> TransportedKey {
        if let type, type.transported == nil {
            throw Failure.usage("keys of type \(type.rawValue) cannot be imported: make one in the HSM")
        }
        do {
            return try KeyFile.read(input.secret(limit: KeyFile.limit), as: type?.transported)
        } catch let error as FormatError {
            record(why: error.recordedWord)
            throw Failure.failed(
                .invalidArgument, "\(input.name) holds no key that can be imported: \(error.reason)",
                hint: error.kind == .mismatch ? "--type names the type that is wanted" : "")
        }
    }

    private func send(_ key: borrowing TransportedKey, _ signer: PublicKey) throws -> [AgentKey] {
        let client = agent.connect()
        guard let wire = AgentKeyType(rawValue: Int(key.kind.rawValue)) else { return [] }
        let nonce = SymmetricKey(size: .bits256).withUnsafeBytes { Array($0) }
        let offer = try client.call(.beginKeyImport(name, type: wire, nonce: nonce), timeout: .seconds(30))
        let data = [UInt8](offer.data)
        guard data.count == KeyWrapping.keySize + KeyWrapping.signatureSize,
            let object = Hexadecimal.decode(offer.cursor)
        else { throw Failure.failed(.dataLoss, "the agent answered something that is no wrapping key") }
        let wrapped: [UInt8]
        do {
            let wrapping = try KeyWrapping(key.kind, owner: geteuid(), object: object)
            let wrappingKey = Array(data.prefix(KeyWrapping.keySize))
            try wrapping.verify(
                Array(data.suffix(KeyWrapping.signatureSize)), wrappingKey: wrappingKey, nonce: nonce, by: signer)
            wrapped = try wrapping.wrap(key, to: wrappingKey)
        } catch let error as FormatError {
            throw Failure.failed(
                .dataLoss, "the key was not sent: \(error.reason)",
                hint: "is \(AgentKeyFile.path(agentKey)) of this agent? If so, ask its administrator what answers here")
        }
        return try client.call(
            .importKey(name, type: wire, object: offer.cursor, wrapped: wrapped), timeout: .seconds(30)
        ).keys
    }
}

extension FormatError {
    /// Why a file is refused, as docs/audit.md has it.
    fileprivate var recordedWord: String {
        switch kind {
        case .malformed, .notCanonical: word ?? "damaged"
        case .mismatch: word ?? "other-type"
        default: word ?? "unsupported"
        }
    }
}

extension KeyType {
    /// The same type, as keys travel.
    /// - Returns: nil for a type of keys that are only made in the HSM.
    fileprivate var transported: TransportedKey.Kind? {
        switch self {
        case .ed25519: .ed25519
        case .p256: .p256
        case .secp256k1: .secp256k1
        case .p384: .p384
        case .hmacSHA256: .hmacSHA256
        case .aes256: .aes256
        case .rsa2048: .rsa2048
        case .rsa3072: .rsa3072
        case .rsa4096: .rsa4096
        case .p256ECDH, .p384ECDH: nil
        }
    }
}
