extension DAGCBOR {
    /// A value of a block (the IPLD data model).
    public enum Value: Hashable, Sendable {
        case null
        case bool(Bool)
        /// 0 … 2^64 − 1.
        case unsigned(UInt64)
        /// −1 − n for n in 0 … 2^64 − 1.
        case negative(UInt64)
        /// Finite, always written with 64 bits.
        case float(Double)
        case bytes([UInt8])
        case text(String)
        case list([Value])
        case map(Map)
        case link(CID)

        /// An integer of either sign.
        public static func integer(_ value: Int64) -> Value {
            value >= 0 ? .unsigned(UInt64(value)) : .negative(UInt64(bitPattern: ~value))
        }

        /// The integer, if it is one and fits in 64 bits with a sign.
        public var integer: Int64? {
            switch self {
            case .unsigned(let value): Int64(exactly: value)
            case .negative(let value): Int64(exactly: value).map { ~$0 }
            default: nil
            }
        }

        // Text is equal by its bytes here, not by Unicode's canonical equivalence as Swift's String has it: equal
        // values have equal encodings.
        public static func == (one: Value, other: Value) -> Bool {
            switch (one, other) {
            case (.null, .null): true
            case (.bool(let a), .bool(let b)): a == b
            case (.unsigned(let a), .unsigned(let b)): a == b
            case (.negative(let a), .negative(let b)): a == b
            case (.float(let a), .float(let b)): a.bitPattern == b.bitPattern
            case (.bytes(let a), .bytes(let b)): a == b
            case (.text(let a), .text(let b)): a.utf8.elementsEqual(b.utf8)
            case (.list(let a), .list(let b)): a == b
            case (.map(let a), .map(let b)): a == b
            case (.link(let a), .link(let b)): a == b
            default: false
            }
        }

        public func hash(into hasher: inout Hasher) {
            switch self {
            case .null: hasher.combine(0)
            case .bool(let value): hasher.combine(value)
            case .unsigned(let value): hasher.combine(value)
            case .negative(let value): hasher.combine(value)
            case .float(let value): hasher.combine(value.bitPattern)
            case .bytes(let value): hasher.combine(value)
            case .text(let value): hasher.combine(Array(value.utf8))
            case .list(let value): hasher.combine(value)
            case .map(let value): hasher.combine(value)
            case .link(let value): hasher.combine(value)
            }
        }
    }
}
