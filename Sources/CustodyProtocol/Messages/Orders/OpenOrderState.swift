import DTABytes
import DTAFormats

/// Opens what `SealOrderState` sealed for the same order and owner.
public struct OpenOrderState: CustodyMessage {
    public static let operation = CustodyOperation.openOrderState
    public static let classes: [ObjectClass] = [.epoch]
    public typealias Answer = SecretReference

    public var sealed: [UInt8]
    /// Part 1.
    public var order: CID
    public var owner: ObjectOwner

    public init(sealed: [UInt8], order: CID, owner: ObjectOwner) {
        self.sealed = sealed
        self.order = order
        self.owner = owner
    }

    public init(from fields: inout CustodyReader) throws {
        sealed = try fields.field(atMost: SealedSize.pluginState + SealedSize.overhead)
        order = try fields.cid()
        owner = try fields.owner()
    }

    public func encode(to fields: inout CustodyWriter) {
        fields.field(sealed)
        fields.field(order)
        fields.field(owner)
    }

    public func answer(from fields: inout CustodyReader) throws -> SecretReference { try fields.secret() }
}
