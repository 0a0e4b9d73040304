/// The fiduciary's receipt for the end of a secret. The first says `pending`: the row is gone, but the key that it was
/// sealed under still lives for the other orders of its epoch. The second says `done`: that key is destroyed too.
public struct OrderDestruction: Hashable, Sendable, PartPlaintext {
    public static let keyLimit = 128
    public static let statementLimit = 512

    public enum State: String, Sendable, CaseIterable {
        case pending
        case done
    }

    public let heading: OrderHeading
    public let state: State
    /// The epoch under whose key the secret was sealed; 0 if there was none.
    public let epoch: Int
    /// The label of the token's key that was, or will be, destroyed.
    public let key: String
    /// Unix seconds.
    public let at: Int64
    /// What cannot be destroyed, in one line for people.
    public let statement: String

    /// - Throws: `FormatError`.
    public init(
        order: CID, terms: OrderTerms, state: State, epoch: Int, key: String, at: Int64, statement: String
    ) throws {
        heading = OrderHeading(order: order, use: 0, terms: terms)
        self.state = state
        self.epoch = epoch
        self.key = key
        self.at = at
        self.statement = statement
        // Only values that can be read are made.
        _ = try OrderDestruction(try encoded())
    }

    /// Reads a plaintext.
    /// - Throws: `FormatError`.
    public init(_ plaintext: Span<UInt8>) throws {
        var reader: DocumentReader
        (heading, reader) = try OrderHeading.open(plaintext, .destruction, uses: 0...0) { _ in 4 }
        guard let state = State(rawValue: try reader.text("state")) else {
            throw FormatError(.malformed, "a destruction's state is pending or done")
        }
        self.state = state
        epoch = Int(try reader.integer("epoch", in: 0...Int64(UInt32.max)))
        key = try reader.text("key")
        try DocumentRules.check(line: key, atMost: OrderDestruction.keyLimit, "the name of the key")
        at = try reader.time("at")
        statement = try reader.text("statement")
        try DocumentRules.check(line: statement, atMost: OrderDestruction.statementLimit, "a destruction's statement")
        try reader.finish()
    }

    /// The plaintext: DAG-CBOR.
    public func encoded() throws -> [UInt8] {
        try heading.encode(
            .destruction, part: 4,
            [
                "state": .text(state.rawValue), "epoch": .integer(Int64(epoch)), "key": .text(key), "at": .integer(at),
                "statement": .text(statement),
            ])
    }
}
