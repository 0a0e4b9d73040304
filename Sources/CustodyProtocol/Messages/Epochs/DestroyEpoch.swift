/// Destroys an epoch's key, and with it all that it sealed. It is no error if there is none.
public struct DestroyEpoch: CustodyMessage {
    public static let operation = CustodyOperation.destroyEpoch
    public static let classes: [ObjectClass] = [.epoch]
    public typealias Answer = Void

    public var number: UInt32

    public init(number: UInt32) {
        self.number = number
    }

    public init(from fields: inout CustodyReader) throws {
        number = try fields.uint32()
    }

    public func encode(to fields: inout CustodyWriter) {
        fields.field(number)
    }
}
