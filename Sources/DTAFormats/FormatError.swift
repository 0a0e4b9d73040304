/// Why bytes were refused: a kind for programs, which never changes its meaning, and a sentence for people.
///
/// The sentence never holds a secret, nor text taken from the bytes unless that text is harmless to print.
public struct FormatError: Error, Sendable, Equatable, CustomStringConvertible {
    public enum Kind: String, Sendable, CaseIterable {
        /// The bytes are not what they should be: cut short, of the wrong type, length or value.
        case malformed
        /// The meaning is clear, but the form is not the one form that is allowed.
        case notCanonical
        /// Well formed, but this version of the formats does not accept it.
        case unsupported
        /// A signature does not fit, is missing, or is one too many.
        case badSignature
        /// Two things that must belong together do not: a CID and its bytes, an envelope and its sender.
        case mismatch
        /// The identity is not among the recipients.
        case notRecipient
        /// A sealed blob does not open: it is damaged or forged.
        case dataLoss
        /// The caller asked for an impossible value.
        case invalidArgument
    }

    public let kind: Kind
    public let reason: String
    /// The reason in a word, if the kind says too little.
    package let word: String?

    public init(_ kind: Kind, _ reason: String) { self.init(kind, reason, word: nil) }

    package init(_ kind: Kind, _ reason: String, word: String?) {
        self.kind = kind
        self.reason = reason
        self.word = word
    }

    public var description: String { reason }
}
