import CPKCS11

/// An encryption or a decryption that was begun. Its input is kept until it is complete.
struct CipherOperation {
    let scheme: CipherScheme
    let object: TokenObject
    private(set) var input: [UInt8] = []
    /// Whether data came in parts.
    var isUnderWay = false

    init(_ scheme: CipherScheme, _ object: TokenObject) {
        self.scheme = scheme
        self.object = object
    }

    mutating func take(_ part: [UInt8], limit: Int, _ refusal: UInt) throws(CryptokiError) {
        guard input.count + part.count <= limit else { throw CryptokiError(refusal) }
        input += part
    }
}

/// How a key encrypts or decrypts.
enum CipherScheme: Equatable, Sendable {
    /// RSAES-OAEP with SHA-256 and MGF1 with SHA-256. `size`: bytes of the modulus.
    case oaep(label: [UInt8], size: Int)

    /// What a mechanism means for a key. There is no decryption by PKCS#1 v1.5: its padding tells an attacker too much
    /// (Bleichenbacher, 1998).
    /// - Parameter flag: CKF_ENCRYPT or CKF_DECRYPT.
    init(_ mechanism: Mechanism, _ kind: KeyKind, _ flag: UInt) throws(CryptokiError) {
        guard let known = MechanismTable.entry(mechanism.type), known.flags & flag != 0 else {
            throw CryptokiError(CKR_MECHANISM_INVALID)
        }
        switch (mechanism.type, kind) {
        case (CKM_RSA_PKCS_OAEP, .rsa(let modulus)):
            guard case .oaep(let hash, let mask, let source, let label) = mechanism.parameter,
                HashFunction(digest: hash, mask: mask) == .sha256, label.count <= CipherScheme.associatedLimit,
                source == CKZ_DATA_SPECIFIED || (source == 0 && label.isEmpty)
            else { throw CryptokiError(CKR_MECHANISM_PARAM_INVALID) }
            self = .oaep(label: label, size: modulus.count)
        default: throw CryptokiError(CKR_KEY_TYPE_INCONSISTENT)
        }
    }

    /// Bytes of a label: the agent's bound.
    private static let associatedLimit = 64 << 10

    var encryptor: TokenObject.Class { .publicKey }
    var decryptor: TokenObject.Class { .privateKey }

    /// Bytes of what an encryption takes at most.
    var plaintextLimit: Int {
        switch self {
        case .oaep(_, let size): OAEP.messageLimit(size: size)
        }
    }

    /// Bytes of what a decryption takes at most.
    var ciphertextLimit: Int {
        switch self {
        case .oaep(_, let size): size
        }
    }

    /// Bytes of a ciphertext.
    var ciphertextLength: Int {
        switch self {
        case .oaep(_, let size): size
        }
    }

    /// The most that so many bytes of ciphertext can become.
    func plaintextBound(_ count: Int) -> Int {
        switch self {
        case .oaep(_, let size): OAEP.messageLimit(size: size)
        }
    }
}
