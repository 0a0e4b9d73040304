import DTAFormats

/// A part in its envelope, and what it says as far as that is known here.
struct OpenedPart: Sendable {
    let signed: SignedEnvelope
    let kind: OrderPartKind
    /// Nil: no identity of this host can open it, or nobody did.
    private(set) var part: OrderPart?
    /// How the sender stood when it came; of what was made here, current.
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

    /// Overwrites what was released: it is not needed to judge a part.
    mutating func wipeResult() {
        guard case .release(var release)? = part else { return }
        // So that there is no second copy of what is overwritten.
        part = nil
        release.wipeResult()
        part = .release(release)
    }
}
