import Crypto

/// Opens envelopes with their content key, which the recipient's HSM process unwraps (`KeyUnwrapping`).
public enum EnvelopeOpener {
    /// The plaintext of a sealed envelope, whose signature the caller has verified.
    /// - Parameter contentKey: 32 bytes.
    /// - Throws: `FormatError.dataLoss` where the key is not the one that the sender committed to, which a sender could
    ///   use to show two recipients two contents, and where the body does not fit the key.
    public static func open(_ envelope: Envelope, contentKey: [UInt8]) throws -> [UInt8] {
        guard let sealing = envelope.sealing else {
            throw FormatError(.invalidArgument, "a public envelope is not opened: its body is plaintext")
        }
        guard contentKey.count == 32 else {
            throw FormatError(.invalidArgument, "a content key has 32 bytes, not \(contentKey.count)")
        }
        let keys = ContentKeys(
            SymmetricKey(data: contentKey), salt: sealing.salt, coreHash: try envelope.coreHash)
        guard keys.commit == sealing.commit else {
            throw FormatError(
                .dataLoss, "the wrapped key is not the one that the envelope commits to: its sender made it wrongly")
        }
        guard
            let box = try? AES.GCM.SealedBox(
                nonce: AES.GCM.Nonce(data: ContentKeys.nonce), ciphertext: envelope.body.dropLast(Envelope.tagSize),
                tag: envelope.body.suffix(Envelope.tagSize)),
            let plaintext = try? AES.GCM.open(box, using: keys.body)
        else { throw FormatError(.dataLoss, "the envelope's body is damaged: it does not fit the key") }
        return Array(plaintext)
    }
}
