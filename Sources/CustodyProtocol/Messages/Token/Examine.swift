/// Has the token do all that a need asks for, with keys that are destroyed afterwards.
public struct Examine: CustodyMessage {
    public static let operation = CustodyOperation.examine
    public static let classes: [ObjectClass] = [.seal, .state]
    public typealias Answer = String

    public var need: TokenNeed

    /// Making an RSA key is slow.
    public var extraMilliseconds: Int { need == .rsa ? 120_000 : 0 }

    public init(need: TokenNeed) {
        self.need = need
    }

    public init(from fields: inout CustodyReader) throws {
        need = try fields.need()
    }

    public func encode(to fields: inout CustodyWriter) {
        fields.field(need)
    }

    /// What went wrong; empty if the token can do it.
    public func answer(from fields: inout CustodyReader) throws -> String { try fields.string() }

    public func encode(_ answer: String, to fields: inout CustodyWriter) { fields.field(answer) }
}
