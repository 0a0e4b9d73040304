/// Makes an epoch's key if the token does not have it yet.
public struct NewEpoch: CustodyMessage {
    public static let operation = CustodyOperation.newEpoch
    public static let classes: [ObjectClass] = [.epoch]
    public typealias Answer = Void

    /// The newest on the token plus one, or the newest itself.
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
