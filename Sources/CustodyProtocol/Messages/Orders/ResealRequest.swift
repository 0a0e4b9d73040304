import DTAFormats

/// What the front brings to have something of an order sealed again, under another epoch's key.
public struct ResealRequest: Sendable, Equatable {
    public var sealed: [UInt8]
    /// Part 1.
    public var order: CID
    public var owner: ObjectOwner
    /// Whose key seals it.
    public var epoch: UInt32
}

/// A message that is such a request. It is answered with what was sealed.
public protocol ResealMessage: CustodyMessage where Answer == [UInt8] {
    /// The most bytes of what is sealed.
    static var sealedLimit: Int { get }

    var request: ResealRequest { get }

    init(_ request: ResealRequest)
}

extension ResealMessage {
    public init(sealed: [UInt8], order: CID, owner: ObjectOwner, epoch: UInt32) {
        self.init(ResealRequest(sealed: sealed, order: order, owner: owner, epoch: epoch))
    }

    public init(from fields: inout CustodyReader) throws {
        self.init(
            sealed: try fields.field(atMost: Self.sealedLimit), order: try fields.cid(), owner: try fields.owner(),
            epoch: try fields.uint32())
    }

    public func encode(to fields: inout CustodyWriter) {
        fields.field(request.sealed)
        fields.field(request.order)
        fields.field(request.owner)
        fields.field(request.epoch)
    }

    public func answer(from fields: inout CustodyReader) throws -> [UInt8] { try fields.field() }
}
