/// The parts of an order, each in an envelope of its own; the envelope's media type says which.
public enum OrderPartKind: String, Sendable, CaseIterable {
    /// Part 1, by the principal: it begins the thread, and its CID is the order's name.
    case order
    /// Part 2, by the fiduciary: the public key or receipt that the release must fit.
    case commitment
    /// The content that a principal encrypted to the commitment, for the recipient of the release.
    case deposit
    /// Part 3, by a redeemer.
    case redemption
    /// An approver's decision about one redemption.
    case approval
    /// Part 4, by the fiduciary: the secret, or the result of its use.
    case release
    /// The fiduciary's no to part 1 or to a redemption.
    case refusal
    /// The fiduciary's receipt for the end of the secret.
    case destruction

    /// The media type of the envelope's plaintext.
    public var contentType: String {
        self == .order ? "application/vnd.dta.order" : "application/vnd.dta.order.\(rawValue)"
    }

    /// Nil if the media type is not that of a part.
    public init?(contentType: String) {
        guard let kind = OrderPartKind.allCases.first(where: { $0.contentType == contentType }) else { return nil }
        self = kind
    }

    /// The field `type` of the plaintext; of an approval, that of what is signed.
    public var type: String { "dta/\(rawValue)/1" }

    /// In a sentence: `an approval`, `a release`.
    var withArticle: String { (self == .order || self == .approval ? "an " : "a ") + rawValue }

    /// Whether only the fiduciary makes such parts.
    public var isFiduciarys: Bool { [.commitment, .release, .refusal, .destruction].contains(self) }
}
