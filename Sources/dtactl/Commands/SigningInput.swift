import AgentProtocol
import Crypto
import DTABytes

/// The input of a signature: a message that the agent takes whole, or the digest of a larger one.
struct SigningInput {
    var bytes: [UInt8]
    /// Whether `bytes` is the digest of the message.
    var isDigest: Bool

    /// - Parameter digest: hexadecimal digits.
    init(digest: String) throws {
        guard let bytes = Hexadecimal.decode(digest), !bytes.isEmpty else {
            throw Failure.usage("--digest takes hexadecimal digits, two for each byte")
        }
        self.bytes = bytes
        isDigest = true
    }

    /// Reads `path`. A message that is too long for the agent is hashed here, by the scheme, or else by the key's type; only
    /// then is the agent asked for the type.
    init(file path: String?, key name: String, scheme: SignatureScheme?, agent: AgentOptions) throws {
        let file = try InputFile(path, after: name)
        switch try file.upTo(messageLimit) {
        case .all(let bytes):
            self.bytes = bytes
            isDigest = false
        case .more(let beginning):
            isDigest = true
            if let scheme {
                bytes =
                    switch scheme {
                    case .pkcs1SHA256, .pssSHA256: try SigningInput.hash(beginning, file, SHA256())
                    case .pkcs1SHA384, .pssSHA384: try SigningInput.hash(beginning, file, SHA384())
                    case .pkcs1SHA512, .pssSHA512: try SigningInput.hash(beginning, file, SHA512())
                    }
                return
            }
            let type = try agent.key(name).type
            switch type {
            case .p256, .secp256K1: bytes = try SigningInput.hash(beginning, file, SHA256())
            case .p384: bytes = try SigningInput.hash(beginning, file, SHA384())
            case .rsa2048, .rsa3072, .rsa4096:
                throw Failure.failed(
                    .invalidArgument, "\(KeyType.name(type)) keys sign by a scheme, and none was named",
                    hint: "--scheme pss-sha256, or another one of dtactl sign --help")
            default:
                throw Failure.failed(
                    .invalidArgument,
                    "\(file.name) is larger than \(HumanUnits.size(UInt64(messageLimit))), and \(KeyType.name(type)) keys "
                        + "take whole messages of at most that size",
                    hint: type == .ed25519
                        ? "sign a digest of the file instead, or use a p256 key, which signs files of any size" : "")
            }
        }
    }

    private static func hash(_ beginning: [UInt8], _ file: InputFile, _ hash: some HashFunction) throws -> [UInt8] {
        var hash = hash
        hash.update(data: beginning)
        while case let chunk = try file.chunk(), !chunk.isEmpty { hash.update(data: chunk) }
        return Array(hash.finalize())
    }
}
