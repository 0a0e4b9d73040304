import DTAFormats

/// A part in its envelope, with its contents as far as they are known here.
struct OpenedPart: Sendable {
    let signed: SignedEnvelope
    let kind: OrderPartKind
    /// Nil: no identity of this host can open it, or none did.
    private(set) var part: OrderPart?
    /// The sender's standing when it came; current for a part that was made here.
    let standing: String

    init(_ signed: SignedEnvelope, _ kind: OrderPartKind, _ part: OrderPart?, standing: String = Standing.current.name)
    {
        self.signed = signed
        self.kind = kind
        self.part = part
        self.standing = standing
    }

    var cid: CID { signed.cid }
    var from: CID { signed.envelope.header.from }
    var previous: CID? { signed.envelope.header.previous }

    /// Overwrites the released secret: it is not needed to judge a part.
    mutating func wipeResult() {
        guard case .release(var release)? = part else { return }
        // So that no second copy survives.
        part = nil
        release.wipeResult()
        part = .release(release)
    }
}
