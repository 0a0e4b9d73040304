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
    case rsa2048
    case rsa3072
    case rsa4096
    case p256ECDH = "p256-ecdh"
    case p384ECDH = "p384-ecdh"

    var wire: AgentKeyType {
        switch self {
        case .ed25519: .ed25519
        case .p256: .p256
        case .secp256k1: .secp256K1
        case .p384: .p384
        case .hmacSHA256: .hmacSha256
        case .aes256: .aes256
        case .rsa2048: .rsa2048
        case .rsa3072: .rsa3072
        case .rsa4096: .rsa4096
        case .p256ECDH: .p256Ecdh
        case .p384ECDH: .p384Ecdh
        }
    }

    /// Whether making one takes an HSM long.
    var isRSA: Bool { [.rsa2048, .rsa3072, .rsa4096].contains(self) }

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

/// How an RSA key signs.
enum SignatureScheme: String, CaseIterable, ExpressibleByArgument {
    case pkcs1SHA256 = "pkcs1-sha256"
    case pkcs1SHA384 = "pkcs1-sha384"
    case pkcs1SHA512 = "pkcs1-sha512"
    case pssSHA256 = "pss-sha256"
    case pssSHA384 = "pss-sha384"
    case pssSHA512 = "pss-sha512"

    var wire: AgentSignatureScheme {
        switch self {
        case .pkcs1SHA256: .rsaPkcs1Sha256
        case .pkcs1SHA384: .rsaPkcs1Sha384
        case .pkcs1SHA512: .rsaPkcs1Sha512
        case .pssSHA256: .rsaPssSha256
        case .pssSHA384: .rsaPssSha384
        case .pssSHA512: .rsaPssSha512
        }
    }
}

extension AgentKey {
    /// Whether it agrees on secrets, and signs nothing.
    var isForECDH: Bool { [.p256Ecdh, .p384Ecdh].contains(type) }
}
