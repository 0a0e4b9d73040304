/// Asks for the version of the protocol that dtad-hsm speaks.
public struct AskVersion: CustodyMessage {
    public static let operation = CustodyOperation.version
    public static let classes: [ObjectClass] = []
    public typealias Answer = UInt32

    public init() {}

    public init(from fields: inout CustodyReader) throws {}

    public func encode(to fields: inout CustodyWriter) {}

    public func answer(from fields: inout CustodyReader) throws -> UInt32 { try fields.uint32() }

    public func encode(_ answer: UInt32, to fields: inout CustodyWriter) { fields.field(answer) }
}
