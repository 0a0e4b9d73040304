/// The bytes that identities sign: a context in ASCII, a zero byte, and the SHA-256 of a document. Because of the
/// context, a signature on one kind of document does not fit another.
public enum SignedBytes {
    public static let identity = "dta/identity/1"
    public static let revocation = "dta/revocation/1"
    public static let envelope = "dta/envelope/1"
    public static let approval = "dta/approval/1"
    /// Checkpoints of the agent's audit log.
    public static let audit = "dta/audit/1"

    /// All contexts: nothing else may be signed.
    public static let contexts = [identity, revocation, envelope, approval, audit]

    /// context ‖ 00 ‖ hash.
    /// - Parameter context: one of ``contexts``.
    /// - Parameter hash: SHA-256 of the document's DAG-CBOR: 32 bytes.
    /// - Throws: `FormatError.invalidArgument` for an unknown context and for a hash of another length.
    public static func make(context: String, hash: [UInt8]) throws -> [UInt8] {
        guard contexts.contains(context) else {
            throw FormatError(
                .invalidArgument, "an identity signs only the contexts \(contexts.joined(separator: ", "))")
        }
        guard hash.count == 32 else {
            throw FormatError(.invalidArgument, "an identity signs SHA-256 hashes of 32 bytes, not \(hash.count)")
        }
        return labelled(context, hash)
    }

    /// label ‖ 00 ‖ parts, the form of every labelled input of these formats.
    static func labelled(_ label: String, _ parts: [UInt8]...) -> [UInt8] {
        parts.reduce(Array(label.utf8) + [0], +)
    }
}
