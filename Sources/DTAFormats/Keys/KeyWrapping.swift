import Crypto
import DTABytes
import FoundationEssentials

/// How a key that exists already travels to dtad-hsm: wrapped by HPKE (RFC 9180, base mode, X-Wing, HKDF-SHA256,
/// AES-256-GCM) to a key that dtad-hsm made for this once, and that a key on its token has signed.
///
/// So dtad, which carries it, can neither read it nor have it wrapped to a key of its own; and it fits one owner, one
/// type and one object.
public struct KeyWrapping: Sendable, Equatable {
    /// The bytes of a wrapping key (X-Wing), of the nonce that the client chooses, and of the signature.
    public static let keySize = 1216
    public static let nonceSize = 32
    public static let signatureSize = 64
    /// The most bytes of a wrapped key: what HPKE adds, and RSA-4096.
    public static let wrappedLimit = encSize + 3 * 512 + 16
    private static let encSize = 1120
    private static let context = Array("dta/import/1".utf8) + [0]

    public let kind: TransportedKey.Kind
    /// The uid of the user whose key it is to be.
    public let owner: UInt32
    /// The object on the token that it is to be: 16 bytes.
    public let object: [UInt8]

    /// - Throws: `FormatError` unless the object has 16 bytes.
    public init(_ kind: TransportedKey.Kind, owner: UInt32, object: [UInt8]) throws {
        guard object.count == 16 else {
            throw FormatError(.malformed, "an object of a token has 16 bytes, not \(object.count)")
        }
        self.kind = kind
        self.owner = owner
        self.object = object
    }

    /// What it fits: type (1) ‖ owner (4, big-endian) ‖ object (16).
    private var place: [UInt8] { [kind.rawValue] + owner.bigEndianBytes + object }

    /// What the token's key signs of an offer: "dta/import/1" ‖ 00 ‖ SHA-256(nonce ‖ type ‖ owner ‖ object ‖ wrapping key).
    public func signedBytes(nonce: [UInt8], wrappingKey: [UInt8]) -> [UInt8] {
        KeyWrapping.context + Array(SHA256.hash(data: nonce + place + wrappingKey))
    }

    /// Checks that a wrapping key is dtad-hsm's.
    /// - Parameters:
    ///   - signature: 64 bytes; ECDSA is r ‖ s.
    ///   - nonce: the one that was sent with the request.
    ///   - key: the public half of the token's key that signs these.
    /// - Throws: `FormatError.badSignature` if the signature does not fit.
    public func verify(_ signature: [UInt8], wrappingKey: [UInt8], nonce: [UInt8], by key: PublicKey) throws {
        let message = signedBytes(nonce: nonce, wrappingKey: wrappingKey)
        guard (try? key.isValid(signature: signature, message: message)) == true else {
            throw FormatError(.badSignature, "the wrapping key is not signed by the token's key for imports")
        }
    }

    /// Wraps a key of this type.
    /// - Returns: HPKE's enc (1120) ‖ ciphertext.
    public func wrap(_ key: borrowing TransportedKey, to wrappingKey: [UInt8]) throws -> [UInt8] {
        guard key.kind == kind else { throw FormatError(.mismatch, "the offer is for another type of key") }
        let recipient: XWingMLKEM768X25519.PublicKey
        do {
            recipient = try XWingMLKEM768X25519.PublicKey(rawRepresentation: wrappingKey)
        } catch {
            throw FormatError(.malformed, "the wrapping key is no X-Wing key")
        }
        var sender = try HPKE.Sender(
            recipientKey: recipient, ciphersuite: .XWingMLKEM768X25519_SHA256_AES_GCM_256,
            info: Data(KeyWrapping.context + place))
        let sealed = try unsafe key.secret.withUnsafeBytes { unsafe try sender.seal(Data($0)) }
        return Array(sender.encapsulatedKey) + Array(sealed)
    }

    /// A wrapping key with its private half, for one key.
    public struct OneTimeKey: Sendable {
        private let key: XWingMLKEM768X25519.PrivateKey

        public init() throws { key = try XWingMLKEM768X25519.PrivateKey.generate() }

        public var publicKey: [UInt8] { Array(key.publicKey.rawRepresentation) }

        /// Opens what `wrap` made for the same place.
        /// - Throws: `FormatError.dataLoss` if it does not fit; `.malformed` if what is in it is no key.
        public func unwrap(_ wrapped: [UInt8], _ place: KeyWrapping) throws -> TransportedKey {
            var secret: Data
            do {
                guard wrapped.count > KeyWrapping.encSize + 16 else { throw CryptoKitError.incorrectParameterSize }
                var recipient = try HPKE.Recipient(
                    privateKey: key, ciphersuite: .XWingMLKEM768X25519_SHA256_AES_GCM_256,
                    info: Data(KeyWrapping.context + place.place),
                    encapsulatedKey: Data(wrapped.prefix(KeyWrapping.encSize)))
                secret = try recipient.open(wrapped.dropFirst(KeyWrapping.encSize))
            } catch {
                throw FormatError(
                    .dataLoss, "the wrapped key does not open: it was altered, or wrapped for another offer")
            }
            return try TransportedKey(place.kind, Secret(taking: &secret))
        }
    }
}
