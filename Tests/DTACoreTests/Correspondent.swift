import Crypto
import DTASystem
import Foundation

@testable import DTAFormats
@testable import DTALedger

/// Somebody elsewhere, whose document is imported here.
struct Correspondent {
    let document: SignedIdentity
    private let signing: Curve25519.Signing.PrivateKey

    /// - Parameter kem: an X-Wing public key; many may have the same, because their names differ.
    init(_ name: String, kem: [UInt8]) throws {
        let key = Curve25519.Signing.PrivateKey()
        signing = key
        let identity = try Identity(
            name: name, created: 1,
            signing: SigningKey(PublicKey(.ed25519, raw: Array(key.publicKey.rawRepresentation))),
            kem: kem)
        document = try SignedIdentity(signing: identity) { context, hash in
            Array(try key.signature(for: SignedBytes.make(context: context, hash: hash)))
        }
    }

    static func kem() throws -> [UInt8] {
        Array(try XWingMLKEM768X25519.PrivateKey.generate().publicKey.rawRepresentation)
    }

    func sign(_ envelope: Envelope) throws -> SignedEnvelope {
        try SignedEnvelope(signing: envelope, sender: document) { context, hash in
            Array(try signing.signature(for: SignedBytes.make(context: context, hash: hash)))
        }
    }
}

/// The name of a block's kind on the wire.
let dagCBOR = LedgerService.ContentType.dagCBOR.rawValue
