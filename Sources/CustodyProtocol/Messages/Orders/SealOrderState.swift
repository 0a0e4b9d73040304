import DTABytes
import DTAFormats

/// Seals under an epoch's key the state that a plugin keeps of an order, so that it can be destroyed with that key. The
/// front made it, and gets it back.
public struct SealOrderState: CustodyMessage {
    public static let operation = CustodyOperation.sealOrderState
    public static let classes: [ObjectClass] = [.epoch]
    public typealias Answer = [UInt8]

    /// Up to 64 KiB.
    public var state: SecretReference
    /// Part 1.
    public var order: CID
    public var owner: ObjectOwner
    /// The epoch whose key seals it.
    public var epoch: UInt32

    public init(state: SecretReference, order: CID, owner: ObjectOwner, epoch: UInt32) {
        self.state = state
        self.order = order
        self.owner = owner
        self.epoch = epoch
    }

    public init(from fields: inout CustodyReader) throws {
        state = try fields.secret(atMost: SealedSize.pluginState)
        order = try fields.cid()
        owner = try fields.owner()
        epoch = try fields.uint32()
    }

    public func encode(to fields: inout CustodyWriter) {
        fields.field(state)
        fields.field(order)
        fields.field(owner)
        fields.field(epoch)
    }

    public func answer(from fields: inout CustodyReader) throws -> [UInt8] { try fields.field() }
}
