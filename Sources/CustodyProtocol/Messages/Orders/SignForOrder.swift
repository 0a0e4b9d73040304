/// Signs what a redemption asks for with the order's key, if everything allows it now.
public struct SignForOrder: CustodyMessage {
    public static let operation = CustodyOperation.signForOrder
    public static let classes: [ObjectClass] = [.identityKEM, .seal, .epoch, .order]
    public typealias Answer = [UInt8]

    public var request: RedemptionRequest

    public init(_ request: RedemptionRequest) { self.request = request }

    public init(from fields: inout CustodyReader) throws { request = try fields.redemptionRequest() }

    public func encode(to fields: inout CustodyWriter) { fields.field(request) }

    /// The envelope of part 4 (DAG-CBOR), sealed to the order's recipient alone, to be signed by the fiduciary.
    public func answer(from fields: inout CustodyReader) throws -> [UInt8] { try fields.field() }
}
