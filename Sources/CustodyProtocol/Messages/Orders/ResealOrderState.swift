import DTAFormats

/// As `ResealOrder`, for a blob of `SealOrderState`.
public struct ResealOrderState: CustodyMessage {
    public static let operation = CustodyOperation.resealOrderState
    public static let classes: [ObjectClass] = [.epoch]
    public typealias Answer = [UInt8]

    public var sealed: [UInt8]
    /// Part 1.
    public var order: CID
    public var owner: ObjectOwner
    /// The epoch whose key seals it.
    public var epoch: UInt32

    public init(sealed: [UInt8], order: CID, owner: ObjectOwner, epoch: UInt32) {
        self.sealed = sealed
        self.order = order
        self.owner = owner
        self.epoch = epoch
    }

    public init(from fields: inout CustodyReader) throws {
        sealed = try fields.field(atMost: SealedSize.pluginState + SealedSize.overhead)
        order = try fields.cid()
        owner = try fields.owner()
        epoch = try fields.uint32()
    }

    public func encode(to fields: inout CustodyWriter) {
        fields.field(sealed)
        fields.field(order)
        fields.field(owner)
        fields.field(epoch)
    }

    public func answer(from fields: inout CustodyReader) throws -> [UInt8] { try fields.field() }
}
