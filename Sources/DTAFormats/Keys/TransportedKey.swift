import Crypto
import CryptoExtras
import DTABytes
import FoundationEssentials

/// A private or secret key that exists already, in the form in which it travels from dtactl to dtad-hsm, wrapped:
///
/// | type | bytes |
/// |---|---|
/// | ed25519 | the seed (RFC 8032), 32 |
/// | p256, secp256k1, p384 | the scalar, big-endian, 32 or 48 |
/// | hmac-sha256, aes256 | the key, 32 |
/// | rsa2048, rsa3072, rsa4096 | modulus ‖ private exponent ‖ the two primes, big-endian |
///
/// The exponent of RSA is 65537, the modulus and the private exponent have the key's length, each prime half of it.
public struct TransportedKey: ~Copyable, Sendable {
    /// The types, with their numbers on the wires and their names.
    public enum Kind: UInt8, Sendable, CaseIterable, CustomStringConvertible {
        case ed25519 = 1
        case p256 = 2
        case secp256k1 = 3
        case hmacSHA256 = 4
        case aes256 = 5
        case p384 = 6
        case rsa2048 = 7
        case rsa3072 = 8
        case rsa4096 = 9

        public var name: String {
            switch self {
            case .hmacSHA256: "hmac-sha256"
            case .aes256: "aes256"
            default: algorithm?.rawValue ?? ""
            }
        }

        public var description: String { name }

        public init?(name: String) {
            guard let kind = Kind.allCases.first(where: { $0.name == name }) else { return nil }
            self = kind
        }

        /// Nil for secret keys.
        public var algorithm: PublicKey.Algorithm? {
            switch self {
            case .ed25519: .ed25519
            case .p256: .p256
            case .secp256k1: .secp256k1
            case .p384: .p384
            case .rsa2048: .rsa2048
            case .rsa3072: .rsa3072
            case .rsa4096: .rsa4096
            case .hmacSHA256, .aes256: nil
            }
        }

        /// The bytes of such a key.
        public var byteCount: Int {
            switch self {
            case .p384: 48
            case .rsa2048, .rsa3072, .rsa4096: 3 * (algorithm?.modulusLength ?? 0)
            default: 32
            }
        }
    }

    public let kind: Kind
    public let secret: Secret
    /// Nil for secret keys.
    public let publicKey: PublicKey?

    /// Takes over a key, and computes its public half.
    /// - Throws: `FormatError.malformed` if it is none: a wrong length, a number out of range, primes that do not fit.
    public init(_ kind: Kind, _ secret: consuming Secret) throws {
        guard secret.count == kind.byteCount else {
            throw FormatError(
                .malformed, "a private key of type \(kind) has \(kind.byteCount) bytes here, not \(secret.count)")
        }
        let half = try unsafe secret.withUnsafeBytes { unsafe try TransportedKey.publicHalf(kind, $0) }
        self.kind = kind
        self.secret = secret
        publicKey = half
    }

    private static func publicHalf(_ kind: Kind, _ bytes: UnsafeRawBufferPointer) throws -> PublicKey? {
        do {
            switch kind {
            case .hmacSHA256, .aes256:
                guard unsafe bytes.contains(where: { $0 != 0 }) else { throw CryptoKitError.incorrectParameterSize }
                return nil
            case .ed25519:
                let key = try unsafe Curve25519.Signing.PrivateKey(rawRepresentation: bytes)
                return try PublicKey(.ed25519, raw: Array(key.publicKey.rawRepresentation))
            case .p256:
                let key = try unsafe P256.Signing.PrivateKey(rawRepresentation: bytes)
                return try PublicKey(.p256, raw: Array(key.publicKey.x963Representation))
            case .p384:
                let key = try unsafe P384.Signing.PrivateKey(rawRepresentation: bytes)
                return try PublicKey(.p384, raw: Array(key.publicKey.x963Representation))
            case .secp256k1:
                return try PublicKey(.secp256k1, raw: unsafe Secp256k1Scalar(bytes).publicKey.uncompressed)
            case .rsa2048, .rsa3072, .rsa4096:
                let numbers = try unsafe RSAPrivateNumbers(transported: Secret(copying: bytes))
                return try PublicKey(rsaModulus: numbers.modulus, exponent: RSAPublicKeyForm.exponent)
            }
        } catch let error as FormatError {
            throw error
        } catch {
            throw FormatError(.malformed, "it is no private key of type \(kind): a number in it is out of range")
        }
    }
}

/// All numbers of an RSA private key, computed from the transported ones. BoringSSL checks that they belong together.
public struct RSAPrivateNumbers: ~Copyable {
    /// Big-endian, of the key's length.
    public let modulus: [UInt8]
    /// RSAPrivateKey in DER (RFC 8017 §A.1.2), and where its numbers are: modulus, public and private exponent, the
    /// primes, their exponents and the coefficient.
    public let der: Secret
    public let places: [Range<Int>]

    /// - Parameter key: as `TransportedKey` has it.
    /// - Throws: `FormatError.malformed` if its numbers do not belong together.
    public init(transported key: borrowing Secret) throws {
        let length = key.count / 3
        let bounds = [0, length, 2 * length, 2 * length + length / 2, 3 * length]
        self = try unsafe key.withUnsafeBytes { bytes in
            func part(_ index: Int) -> UnsafeRawBufferPointer {
                unsafe UnsafeRawBufferPointer(rebasing: bytes[bounds[index]..<bounds[index + 1]])
            }
            guard key.count == 3 * length, length > 0 else { throw RSAPrivateNumbers.wrong }
            let made: _RSA.Signing.PrivateKey
            do {
                made = try unsafe _RSA.Signing.PrivateKey(
                    n: part(0), e: RSAPublicKeyForm.exponent, d: part(1), p: part(2), q: part(3))
            } catch {
                throw RSAPrivateNumbers.wrong
            }
            return try RSAPrivateNumbers(made, length: length)
        }
    }

    private init(_ key: _RSA.Signing.PrivateKey, length: Int) throws {
        // PKCS#1, as it was made by the library.
        var data = key.derRepresentation
        let der = Secret(taking: &data)
        let places = try der.withBytes { bytes in try RSAPrivateNumbers.places(bytes) }
        let modulus = der.withBytes { Array(copying: $0.extracting(places[0])) }
        // All that throws is before the first member that is set.
        guard modulus.count == length else { throw RSAPrivateNumbers.wrong }
        self.modulus = modulus
        self.places = places
        self.der = der
    }

    /// Where the numbers of an RSAPrivateKey are.
    /// - Throws: `FormatError` for more than two primes, and for what is no RSAPrivateKey.
    package static func places(_ bytes: Span<UInt8>) throws -> [Range<Int>] {
        var outer = DERReader(0..<bytes.count)
        var numbers = DERReader(try outer.take(DERReader.Tag.sequence, bytes))
        try outer.end()
        guard try numbers.takeNumber(bytes).isEmpty else {
            throw FormatError(.unsupported, "an RSA key has two primes here, and no more")
        }
        let places = try (0..<8).map { _ in try numbers.takeNumber(bytes) }
        try numbers.end()
        return places
    }

    /// One of the numbers, by its place: 0 the modulus, 2 the private exponent, 3 and 4 the primes, 5 and 6 their
    /// exponents, 7 the coefficient.
    public borrowing func number(_ index: Int) -> Secret {
        let place = places[index]
        return der.withBytes { Secret(copying: $0.extracting(place)) }
    }

    private static let wrong = FormatError(
        .malformed, "it is no RSA private key: its modulus, exponents and primes do not belong together")
}

/// Trials of a secret key.
extension TransportedKey {
    /// Whether an HMAC-SHA256 is this key's.
    public borrowing func isValid(mac: [UInt8], of message: [UInt8]) -> Bool {
        let key = unsafe secret.withUnsafeBytes { unsafe SymmetricKey(data: $0) }
        return HMAC<SHA256>.isValidAuthenticationCode(mac, authenticating: message, using: key)
    }

    /// Whether AES-256-GCM with this key opens a ciphertext with its tag to this plaintext.
    public borrowing func opens(nonce: [UInt8], sealed: [UInt8], to plaintext: [UInt8]) -> Bool {
        let key = unsafe secret.withUnsafeBytes { unsafe SymmetricKey(data: $0) }
        guard let box = try? AES.GCM.SealedBox(combined: nonce + sealed),
            let opened = try? AES.GCM.open(box, using: key)
        else { return false }
        return Array(opened) == plaintext
    }
}
