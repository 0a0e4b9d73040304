/// The result for one envelope, by blocks and public keys alone.
public struct EnvelopeFinding: Sendable {
    public enum Verdict: String, Sendable {
        /// Everything that belongs to it is there, and all of it fits.
        case sound
        /// What is there fits; something is missing.
        case incomplete
        /// Something does not fit: it is damaged, forged, or made wrongly.
        case bad
    }

    public enum Signature: Sendable, Hashable {
        case valid
        case invalid
        /// The sender's document is not there.
        case unknown
    }

    /// A block that belongs to the envelope and is not there.
    public struct Missing: Sendable, Hashable {
        public enum Part: String, Sendable {
            /// The envelope itself.
            case envelope
            case sender
            case previous
            case recipient
            /// A list of recipients, of wraps, or of the body's blocks.
            case list
            /// A block of the body.
            case chunk
        }

        public let part: Part
        public let cid: CID
    }

    public let cid: CID
    /// Nil if its block is not there, or is no envelope.
    public internal(set) var signed: SignedEnvelope?
    public internal(set) var sender: SignedIdentity?
    public internal(set) var signature = Signature.unknown
    /// The sender's standing by the known documents; nil if the sender's document is not known.
    public internal(set) var standing: Standing?
    /// The recipients, if all lists of them are there.
    public internal(set) var recipients: [CID] = []
    /// Those of them whose documents are there.
    public internal(set) var recipientDocuments: [CID: SignedIdentity] = [:]
    /// What does not fit, a sentence each.
    public internal(set) var problems: [String] = []
    /// What is not there: the first `missingLimit` of it.
    public private(set) var missing: [Missing] = []
    /// How many blocks are missing: a large body may lack more than a person wants to read.
    public private(set) var missingCount = 0
    public static let missingLimit = 1000

    init(_ cid: CID) { self.cid = cid }

    mutating func note(_ lacking: Missing) {
        // A list is asked for more than once.
        if lacking.part == .list, missing.contains(lacking) { return }
        missingCount += 1
        if missing.count < EnvelopeFinding.missingLimit { missing.append(lacking) }
    }

    public var verdict: Verdict { !problems.isEmpty ? .bad : missingCount == 0 ? .sound : .incomplete }
}
