import Crypto
import DTAFormats

/// A recipient on another host, whose keys are in this process.
struct Recipient {
    let signing = Curve25519.Signing.PrivateKey()
    let kem: XWingMLKEM768X25519.PrivateKey
    let document: SignedIdentity

    init(_ name: String) throws {
        let kem = try XWingMLKEM768X25519.PrivateKey()
        let key = try SigningKey(PublicKey(.ed25519, raw: Array(signing.publicKey.rawRepresentation)))
        let identity = try Identity(
            name: name, created: 1_760_000_000, signing: key, kem: Array(kem.publicKey.rawRepresentation))
        let signing = signing
        document = try SignedIdentity(signing: identity) { context, hash in
            Array(try signing.signature(for: SignedBytes.make(context: context, hash: hash)))
        }
        self.kem = kem
    }
}
