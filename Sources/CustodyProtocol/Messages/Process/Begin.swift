import DTASystem

/// The first request on a connection, and none later: which token the front expects. dtad-hsm answers when it has
/// logged in.
public struct Begin: CustodyMessage {
    public static let operation = CustodyOperation.begin
    public static let classes: [ObjectClass] = [.seal]
    /// The token that dtad-hsm is logged in to; nil: a dtad-hsm of the first release, which answers nothing more.
    public typealias Answer = TokenIdentity?

    /// Nil: the one that the configuration names.
    public var expected: TokenIdentity?

    public init(expecting expected: TokenIdentity?) { self.expected = expected }

    public init(from fields: inout CustodyReader) throws {
        let serial = try fields.string(atMost: 64)
        let landmark = try fields.field(atMost: TokenIdentity.landmarkSize)
        guard !landmark.isEmpty || !serial.isEmpty else { return }
        guard landmark.count == TokenIdentity.landmarkSize else {
            throw DTAError(.invalidArgument, "a landmark has \(TokenIdentity.landmarkSize) bytes")
        }
        expected = TokenIdentity(serial: serial, landmark: landmark)
    }

    public func encode(to fields: inout CustodyWriter) {
        fields.field(expected?.serial ?? "")
        fields.field(expected?.landmark ?? [])
    }

    public func answer(from fields: inout CustodyReader) throws -> TokenIdentity? {
        guard fields.hasMore else { return nil }
        return TokenIdentity(
            serial: try fields.string(), landmark: try fields.field(exactly: TokenIdentity.landmarkSize))
    }

    public func encode(_ answer: TokenIdentity?, to fields: inout CustodyWriter) {
        guard let answer else { return }
        fields.field(answer.serial)
        fields.field(answer.landmark)
    }
}
