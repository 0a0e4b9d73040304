/// The algorithms of tokens (RFC 7518 §3.1, RFC 8037 §3.1). Only signatures with public keys, without `none` and HMAC,
/// so no key of the issuer can be used as a shared secret.
public enum TokenAlgorithm: String, Sendable, CaseIterable {
    case rs256 = "RS256"
    case es256 = "ES256"
    case edDSA = "EdDSA"

    /// RFC 9864 §2.2 has another name for EdDSA with Ed25519, the only curve here.
    public init?(named name: String) { self.init(rawValue: name == "Ed25519" ? TokenAlgorithm.edDSA.rawValue : name) }
}
