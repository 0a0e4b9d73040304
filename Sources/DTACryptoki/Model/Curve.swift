/// An elliptic curve in short Weierstraß form.
public enum Curve: Sendable, CaseIterable {
    case p256, p384, secp256k1

    /// CKA_EC_PARAMS: the curve's name as an object identifier in DER (RFC 5480, 2.1.1; SEC 2 for secp256k1).
    var parameters: [UInt8] {
        switch self {
        case .p256: [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07]
        case .p384: [0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22]
        case .secp256k1: [0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a]
        }
    }

    /// Bytes of a coordinate, and of a number below the curve's order.
    var coordinateLength: Int { self == .p384 ? 48 : 32 }
    var bits: UInt { UInt(coordinateLength) * 8 }
    /// The hash that the agent's keys of this curve sign digests of.
    var hash: HashFunction { self == .p384 ? .sha384 : .sha256 }
}

/// Ed25519's CKA_EC_PARAMS (RFC 8410, 3; PKCS#11 3.1, 6.3.5): its object identifier in DER.
enum Edwards {
    static let parameters: [UInt8] = [0x06, 0x03, 0x2b, 0x65, 0x70]
    /// The same as older programs name it: a PrintableString.
    static let name: [UInt8] = [0x13, 0x0c] + Array("edwards25519".utf8)
}
