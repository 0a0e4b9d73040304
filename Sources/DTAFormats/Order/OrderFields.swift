import DTABytes

/// A value of an order's fields.
public enum OrderFieldValue: Hashable, Sendable {
    case text(String)
    case bytes([UInt8])
    case integer(Int64)

    var value: DAGCBOR.Value {
        switch self {
        case .text(let text): .text(text)
        case .bytes(let bytes): .bytes(bytes)
        case .integer(let number): .integer(number)
        }
    }

    /// The bytes, if it is such a value.
    public var bytes: [UInt8]? { if case .bytes(let bytes) = self { bytes } else { nil } }
    /// The text, if it is such a value.
    public var text: String? { if case .text(let text) = self { text } else { nil } }
    /// The number, if it is such a value.
    public var integer: Int64? { if case .integer(let number) = self { number } else { nil } }

    // Text is compared by its bytes, as everywhere in these formats.
    public static func == (one: OrderFieldValue, other: OrderFieldValue) -> Bool { one.value == other.value }
    public func hash(into hasher: inout Hasher) { hasher.combine(value) }
}

/// The fields for an order's plugin: up to 32 named values, whose meaning the plugin defines. A text may have any
/// characters: a program must escape control characters before it shows the text to a person.
public struct OrderFields: Hashable, Sendable {
    public static let limit = 32
    /// Bytes of a name.
    public static let nameLimit = 32

    /// By name: 1 to 32 of the characters a to z, 0 to 9, `-` and `_`.
    public private(set) var values: [String: OrderFieldValue]

    /// No fields.
    public static let none = OrderFields(unchecked: [:])

    private init(unchecked values: [String: OrderFieldValue]) { self.values = values }

    /// - Throws: `FormatError` for more than 32 fields, and for other names.
    public init(_ values: [String: OrderFieldValue]) throws {
        guard values.count <= OrderFields.limit else {
            throw FormatError(.malformed, "there are \(OrderFields.limit) fields at most, not \(values.count)")
        }
        for name in values.keys {
            try DocumentRules.check(word: name, atMost: OrderFields.nameLimit, "the name of an order's field")
        }
        self.values = values
    }

    public subscript(name: String) -> OrderFieldValue? { values[name] }

    public var isEmpty: Bool { values.isEmpty }

    /// Overwrites the values that are bytes, and leaves none. A copy that another variable has stays as it is.
    public mutating func wipe() {
        for name in Array(values.keys) {
            guard case .bytes(var bytes)? = values.removeValue(forKey: name) else { continue }
            DTABytes.wipe(&bytes)
        }
        values = [:]
    }

    init(_ value: DAGCBOR.Value) throws {
        guard case .map(let map) = value else { throw FormatError(.malformed, "the fields of an order are a map") }
        var values: [String: OrderFieldValue] = [:]
        for entry in map.entries {
            switch entry.value {
            case .text(let text): values[entry.key] = .text(text)
            case .bytes(let bytes): values[entry.key] = .bytes(bytes)
            default:
                guard let number = entry.value.integer else {
                    throw FormatError(.malformed, "a field of an order is text, bytes or an integer of 64 bits")
                }
                values[entry.key] = .integer(number)
            }
        }
        try self.init(values)
    }

    var value: DAGCBOR.Value {
        var map = DAGCBOR.Map()
        for (name, value) in values { map[name] = value.value }
        return .map(map)
    }
}
