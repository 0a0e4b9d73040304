/// Keeps the process on one processor, with the front's thread that it works with. If the system does not allow that,
/// its affinity stays as it is, and it works all the same.
public struct SetAffinity: CustodyMessage {
    public static let operation = CustodyOperation.setAffinity
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
