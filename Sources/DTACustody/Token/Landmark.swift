import CPKCS11
import Crypto
import CustodyProtocol
import DTASystem

/// The key that every token of D-TA has, by which dtad-hsm knows its own among others of the same label and PIN.
enum Landmark {
    static let label = ObjectLabel.sealing(.seal, number: 1)

    /// 16 bytes that follow from the key: the start of SHA-256 of a constant, encrypted with AES-256-GCM. The nonce is
    /// constant too, and used for nothing else: all other nonces are random, of 96 bits.
    ///
    /// The key on the token is used, not a copy, which would still work if the token were gone.
    /// - Returns: nil if the token has no such key, or more than one.
    /// - Throws: `PKCS11Error`.
    static func read(_ session: Session) throws -> [UInt8]? {
        let handles = try session.find([Attribute(CKA_TOKEN, true), Attribute(CKA_LABEL, label.text)], limit: 2)
        guard handles.count == 1, let handle = handles.first,
            try session.read(handle, [CKA_LABEL])[0] == Array(label.text.utf8)
        else { return nil }
        let sealed = try session.encryptGCM(
            handle, nonce: Array("dta/landmark".utf8), aad: Array("dta/landmark/1".utf8),
            [UInt8](repeating: 0, count: 16).span)
        return Array(SHA256.hash(data: sealed).prefix(TokenIdentity.landmarkSize))
    }
}
