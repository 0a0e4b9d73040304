import Crypto
import DTABytes

/// Public keys as JSON Web Keys (RFC 7517).
extension PublicKey {
    /// One line of JSON without a line end: the key's own members (RFC 7518 §6 for EC and RSA, RFC 8037 §2 for Ed25519,
    /// RFC 8812 §3.1 for secp256k1), and its thumbprint as `kid`.
    public var jwk: String { JSONWebKey.object(JSONWebKey.members(of: self) + [("kid", jwkThumbprint)]) }

    /// SHA-256 of the required members (RFC 7638 §3), in base64url.
    public var jwkThumbprint: String {
        Base64.encode(url: SHA256.hash(data: Array(JSONWebKey.object(JSONWebKey.members(of: self)).utf8)))
    }
}

private enum JSONWebKey {
    /// The members that a key needs, in the order of their names, which is that of thumbprints.
    static func members(of key: PublicKey) -> [(name: String, value: String)] {
        if let modulus = key.rsaModulus {
            return [
                ("e", Base64.encode(url: RSAPublicKeyForm.exponent)), ("kty", "RSA"),
                ("n", Base64.encode(url: modulus)),
            ]
        }
        guard let curve = curve(key.algorithm) else {
            return [("crv", "Ed25519"), ("kty", "OKP"), ("x", Base64.encode(url: key.raw))]
        }
        let point = key.raw.dropFirst()
        let half = point.count / 2
        return [
            ("crv", curve), ("kty", "EC"), ("x", Base64.encode(url: point.prefix(half))),
            ("y", Base64.encode(url: point.suffix(half))),
        ]
    }

    private static func curve(_ algorithm: PublicKey.Algorithm) -> String? {
        switch algorithm {
        case .p256: "P-256"
        case .p384: "P-384"
        case .secp256k1: "secp256k1"
        case .ed25519, .rsa2048, .rsa3072, .rsa4096: nil
        }
    }

    /// No value has a character that JSON escapes.
    static func object(_ members: [(name: String, value: String)]) -> String {
        "{" + members.map { "\"\($0)\":\"\($1)\"" }.joined(separator: ",") + "}"
    }
}
