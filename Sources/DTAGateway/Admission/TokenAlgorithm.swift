/// How a token may be signed (RFC 7518 §3.1, RFC 8037 §3.1). Only signatures with public keys: `none` and HMAC are not among
/// them, so no key of the issuer's can be mistaken for a shared secret.
public enum TokenAlgorithm: String, Sendable, CaseIterable {
    case rs256 = "RS256"
    case es256 = "ES256"
    case edDSA = "EdDSA"

    /// RFC 9864 §2.2 has another name for EdDSA with Ed25519, which is the one curve of it here: the same signature.
    public init?(named name: String) { self.init(rawValue: name == "Ed25519" ? TokenAlgorithm.edDSA.rawValue : name) }
}
