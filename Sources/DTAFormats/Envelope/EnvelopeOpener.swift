import Crypto
import DTABytes

/// Opens envelopes with their content key, which the recipient's HSM process unwraps (``KeyUnwrapping``).
public enum EnvelopeOpener {
    /// The plaintext of a sealed envelope with an inline body.
    /// - Parameter envelope: a sealed one, whose signature the caller has verified.
    /// - Parameter contentKey: 32 bytes.
    /// - Parameter coreHash: the envelope's, if the caller has made it already.
    /// - Throws: `FormatError.dataLoss` as ``keys(_:contentKey:coreHash:)`` does, and if the body does not fit the key.
    public static func open(
        _ envelope: Envelope, contentKey: borrowing Secret, coreHash: [UInt8]? = nil
    ) throws -> Secret {
        let keys = try keys(envelope, contentKey: contentKey, coreHash: coreHash)
        guard let body = envelope.body else {
            throw FormatError(.invalidArgument, "this envelope's body is in chunks, which are opened one by one")
        }
        return try keys.open(body)
    }

    /// The keys of a sealed envelope, for one in chunks.
    /// - Parameter envelope: a sealed one, whose signature the caller has verified.
    /// - Parameter contentKey: 32 bytes.
    /// - Parameter coreHash: the envelope's, if the caller has made it already.
    /// - Throws: `FormatError.dataLoss` if the key is not the one that the sender committed to, which a sender could
    ///   use to show two recipients two contents.
    public static func keys(
        _ envelope: Envelope, contentKey: borrowing Secret, coreHash: [UInt8]? = nil
    ) throws -> ContentKeys {
        guard let sealing = envelope.sealing else {
            throw FormatError(.invalidArgument, "a public envelope is not opened: its body is plaintext")
        }
        guard contentKey.count == 32 else {
            throw FormatError(.invalidArgument, "a content key has 32 bytes, not \(contentKey.count)")
        }
        let key = unsafe contentKey.withUnsafeBytes { unsafe SymmetricKey(data: $0) }
        let keys = ContentKeys(key, salt: sealing.salt, coreHash: try coreHash ?? envelope.coreHash)
        guard keys.commit == sealing.commit else {
            throw FormatError(
                .dataLoss, "the wrapped key is not the one that the envelope commits to: its sender made it wrongly")
        }
        return keys
    }
}
