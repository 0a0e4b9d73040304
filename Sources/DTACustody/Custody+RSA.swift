import CPKCS11
import CustodyProtocol
import DTABytes
import DTAFormats
import DTASystem

/// What users' RSA keys do. There is no decryption by PKCS#1 v1.5: its padding tells an attacker too much
/// (Bleichenbacher, 1998).
extension Custody {
    /// Signs a digest.
    func sign(_ id: ObjectID, scheme: RSAScheme, digest: [UInt8]) throws -> [UInt8] {
        try climbing {
            let (key, _) = try key(id, .user)
            guard key.kind.isRSA else { throw wrongKind(key, "sign by \(scheme)") }
            return try sign(key, scheme, digest)
        }
    }

    func sign(_ key: KeyObject, _ scheme: RSAScheme, _ digest: [UInt8]) throws -> [UInt8] {
        let signature = try token.session.sign(key.handle, scheme, digest, size: key.kind.outputSize)
        guard signature.count == key.kind.outputSize else {
            throw PKCS11Error(call: "C_Sign", code: CK_RV(CKR_GENERAL_ERROR))
        }
        return signature
    }

    /// RSAES-OAEP with SHA-256 (RFC 8017 §7.1.2): by the token, or, if it does not do that, by the bare power of the
    /// token and the padding here.
    /// - Throws: `DTAError.dataLoss`, the same for each fault of the ciphertext.
    func decryptOAEP(_ key: KeyObject, _ ciphertext: [UInt8], label: [UInt8]) throws -> Secret {
        let blame = "the ciphertext does not fit its key or label"
        // A number that is not below the modulus is refused by some tokens and reduced by others.
        guard ciphertext.count == key.kind.modulusLength, let modulus = try publicKey(of: key).rsaModulus,
            ciphertext.lexicographicallyPrecedes(modulus)
        else { throw Custody.doesNotFit(blame) }
        let size = ciphertext.count
        if hasOAEP, token.supports(CKM_RSA_PKCS_OAEP) {
            let opened = try blaming(blame) {
                try token.session.decryptOAEP(key.handle, ciphertext, label: label, size: size)
            } probe: {
                _ = try sign(key, .pkcs1SHA256, RSAScheme.pkcs1SHA256.digest(of: []))
            }
            if let opened { return opened.withBytes { Secret(copying: $0) } }
            hasOAEP = false
        }
        try token.require(CKM_RSA_X_509, for: "decryption with \(key.kind.name) keys")
        let padded = try token.session.decryptRaw(key.handle, ciphertext)
        guard padded.count == size else { throw PKCS11Error(call: "C_Decrypt", code: CK_RV(CKR_GENERAL_ERROR)) }
        guard let message = OAEP.remove(from: padded, label: label) else { throw Custody.doesNotFit(blame) }
        return message.withBytes { Secret(copying: $0) }
    }

    /// The same error whether the token, or this process, found that out.
    private static func doesNotFit(_ input: String) -> DTAError {
        DTAError(.dataLoss, "\(input): it was altered, or it was made with another key")
    }
}
