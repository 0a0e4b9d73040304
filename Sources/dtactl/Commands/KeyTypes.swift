import AgentProtocol
import ArgumentParser

/// The types of keys, as people write them.
enum KeyType: String, CaseIterable, ExpressibleByArgument {
    case ed25519
    case p256
    case secp256k1
    case p384
    case hmacSHA256 = "hmac-sha256"
    case aes256

    var wire: AgentKeyType {
        switch self {
        case .ed25519: .ed25519
        case .p256: .p256
        case .secp256k1: .secp256K1
        case .p384: .p384
        case .hmacSHA256: .hmacSha256
        case .aes256: .aes256
        }
    }

    /// The name of a type; `type 42` if this program is older than the agent.
    static func name(_ wire: AgentKeyType) -> String {
        allCases.first { $0.wire == wire }?.rawValue ?? "type \(wire.rawValue)"
    }
}

/// The format of a signature.
enum SignatureFormat: String, CaseIterable, ExpressibleByArgument {
    case raw
    case der

    var wire: AgentSignatureFormat { self == .raw ? .raw : .der }
}
