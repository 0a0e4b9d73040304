import DTABytes

/// Draws bytes from the token's generator.
public struct DrawRandom: CustodyMessage {
    public static let operation = CustodyOperation.random
    public static let classes: [ObjectClass] = []
    public typealias Answer = SecretReference

    /// From 1 to 65,536.
    public var count: Int

    public init(count: Int) {
        self.count = count
    }

    public init(from fields: inout CustodyReader) throws {
        count = Int(try fields.uint32())
    }

    public func encode(to fields: inout CustodyWriter) {
        fields.field(UInt32(clamping: count))
    }

    public func answer(from fields: inout CustodyReader) throws -> SecretReference { try fields.secret(exactly: count) }
}
