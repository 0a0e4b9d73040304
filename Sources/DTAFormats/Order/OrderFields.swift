/// A value of an order's fields.
public enum OrderFieldValue: Hashable, Sendable {
    case text(String)
    case bytes([UInt8])
    case integer(Int64)
}

/// What an order's plugin is told: up to 32 named values.
public struct OrderFields: Hashable, Sendable {
    public static let limit = 32
    public static let nameLimit = 32
    public let values: [String: OrderFieldValue]
    public static let none = OrderFields(unchecked: [:])

    private init(unchecked values: [String: OrderFieldValue]) { self.values = values }

    public init(_ values: [String: OrderFieldValue]) throws {
        guard values.count <= OrderFields.limit else {
            throw FormatError(.malformed, "there are \(OrderFields.limit) fields at most, not \(values.count)")
        }
        self.values = values
    }

    public subscript(name: String) -> OrderFieldValue? { values[name] }
    public var isEmpty: Bool { values.isEmpty }
}
