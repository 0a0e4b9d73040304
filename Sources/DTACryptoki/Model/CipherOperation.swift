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
    /// AES-256-GCM with a tag of 16 bytes, to decrypt only: a caller that chose a nonce twice would give the key away, and
    /// a nonce that the HSM makes has no way back to the caller of C_Encrypt.
    /// - Parameter nonce: 12 bytes.
    case gcm(nonce: [UInt8], associated: [UInt8])

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
        case (CKM_AES_GCM, .aes):
            guard case .gcm(let nonce, let associated, let tagBits) = mechanism.parameter,
                nonce.count == CipherScheme.nonceLength, tagBits == UInt(8 * CipherScheme.tagLength),
                associated.count <= CipherScheme.associatedLimit
            else { throw CryptokiError(CKR_MECHANISM_PARAM_INVALID) }
            self = .gcm(nonce: nonce, associated: associated)
        default: throw CryptokiError(CKR_KEY_TYPE_INCONSISTENT)
        }
    }

    private static let nonceLength = 12
    static let tagLength = 16
    /// Bytes of a plaintext of AES-GCM: the agent's bound.
    private static let messageLimit = 256 << 10
    /// Bytes of a label or of associated data: the agent's bound.
    private static let associatedLimit = 64 << 10

    /// The class of the objects that encrypt so; nil: none does.
    var encryptor: TokenObject.Class? {
        switch self {
        case .oaep: .publicKey
        case .gcm: nil
        }
    }

    var decryptor: TokenObject.Class {
        switch self {
        case .oaep: .privateKey
        case .gcm: .secretKey
        }
    }

    /// Bytes of what an encryption takes at most.
    var plaintextLimit: Int {
        switch self {
        case .oaep(_, let size): OAEP.messageLimit(size: size)
        case .gcm: 0
        }
    }

    /// Bytes of what a decryption takes at most.
    var ciphertextLimit: Int {
        switch self {
        case .oaep(_, let size): size
        case .gcm: CipherScheme.messageLimit + CipherScheme.tagLength
        }
    }

    /// Bytes of a ciphertext that is made here.
    var ciphertextLength: Int {
        switch self {
        case .oaep(_, let size): size
        case .gcm: 0
        }
    }

    /// The most that so many bytes of ciphertext can become.
    func plaintextBound(_ count: Int) -> Int {
        switch self {
        case .oaep(_, let size): OAEP.messageLimit(size: size)
        case .gcm: max(0, count - CipherScheme.tagLength)
        }
    }
}
