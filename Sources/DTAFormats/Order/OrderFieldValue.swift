/// What an order, a redemption or a result says in one field.
public enum OrderFieldValue: Sendable, Equatable {
    case text(String)
    case bytes([UInt8])
    case integer(Int64)
}
