/// Keeps the process on one processor, with the front's thread that it works with. If the system does not allow that,
/// it stays where it was, and works all the same.
public struct Settle: CustodyMessage {
    public static let operation = CustodyOperation.settle
    public static let classes: [ObjectClass] = []
    public typealias Answer = Void

    public var processor: Int32

    public init(processor: Int32) {
        self.processor = processor
    }

    public init(from fields: inout CustodyReader) throws {
        processor = Int32(bitPattern: try fields.uint32())
    }

    public func encode(to fields: inout CustodyWriter) {
        fields.field(processor)
    }
}
