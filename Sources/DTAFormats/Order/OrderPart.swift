import DTABytes

/// The plaintext of a part of any kind.
public enum OrderPart: Hashable, Sendable {
    case order(Order)
    case commitment(OrderCommitment)
    case deposit(OrderDeposit)
    case redemption(OrderRedemption)
    case approval(SignedApproval)
    case release(OrderRelease)
    case refusal(OrderRefusal)
    case destruction(OrderDestruction)

    /// Reads the plaintext of an envelope.
    /// - Parameter plaintext: that of the envelope.
    /// - Parameter kind: that of the envelope's media type.
    /// - Throws: `FormatError`.
    public init(_ plaintext: [UInt8], as kind: OrderPartKind) throws { try self.init(plaintext.span, as: kind) }

    /// The same of a plaintext that is lent.
    public init(_ plaintext: Span<UInt8>, as kind: OrderPartKind) throws {
        switch kind {
        case .order: self = .order(try Order(plaintext))
        case .commitment: self = .commitment(try OrderCommitment(plaintext))
        case .deposit: self = .deposit(try OrderDeposit(plaintext))
        case .redemption: self = .redemption(try OrderRedemption(plaintext))
        case .approval: self = .approval(try SignedApproval(Array(copying: plaintext)))
        case .release: self = .release(try OrderRelease(plaintext))
        case .refusal: self = .refusal(try OrderRefusal(plaintext))
        case .destruction: self = .destruction(try OrderDestruction(plaintext))
        }
    }

    public var kind: OrderPartKind {
        switch self {
        case .order: .order
        case .commitment: .commitment
        case .deposit: .deposit
        case .redemption: .redemption
        case .approval: .approval
        case .release: .release
        case .refusal: .refusal
        case .destruction: .destruction
        }
    }

    /// Its heading; nil for part 1 and for approvals, which have none.
    public var heading: OrderHeading? {
        switch self {
        case .order, .approval: nil
        case .commitment(let part): part.heading
        case .deposit(let part): part.heading
        case .redemption(let part): part.heading
        case .release(let part): part.heading
        case .refusal(let part): part.heading
        case .destruction(let part): part.heading
        }
    }

    /// The plaintext: DAG-CBOR.
    public func encoded() throws -> [UInt8] {
        switch self {
        case .order(let part): try part.encoded()
        case .commitment(let part): try part.encoded()
        case .deposit(let part): try part.encoded()
        case .redemption(let part): try part.encoded()
        case .approval(let part): part.encoded()
        case .release(let part): try part.encoded()
        case .refusal(let part): try part.encoded()
        case .destruction(let part): try part.encoded()
        }
    }
}
