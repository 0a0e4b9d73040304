/// Writes JSON (RFC 8259) in its shortest form.
struct JSONWriter {
    /// Which characters are written as \u, beside those that JSON requires to be.
    let isEscaped: (Unicode.Scalar) -> Bool
    private(set) var result: [UInt8] = []

    init(escaping isEscaped: @escaping (Unicode.Scalar) -> Bool) { self.isEscaped = isEscaped }

    mutating func write(_ value: JSONValue) {
        switch value {
        case .null: result += "null".utf8
        case .bool(let value): result += (value ? "true" : "false").utf8
        case .integer(let number): result += String(number).utf8
        // JSON has no infinities.
        case .number(let number): result += (number.isFinite ? "\(number)" : "null").utf8
        case .string(let text): write(text)
        case .array(let items):
            list("[", items, "]") { $0.write($1) }
        case .object(let members):
            list("{", members, "}") {
                $0.write($1.name)
                $0.result.append(UInt8(ascii: ":"))
                $0.write($1.value)
            }
        }
    }

    private mutating func list<Item>(
        _ opening: Unicode.Scalar, _ items: [Item], _ closing: Unicode.Scalar,
        _ write: (inout JSONWriter, Item) -> Void
    ) {
        result.append(UInt8(ascii: opening))
        for (index, item) in items.enumerated() {
            if index > 0 { result.append(UInt8(ascii: ",")) }
            write(&self, item)
        }
        result.append(UInt8(ascii: closing))
    }

    private mutating func write(_ text: String) {
        result.append(UInt8(ascii: "\""))
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\"".utf8
            case "\\": result += "\\\\".utf8
            case "\n": result += "\\n".utf8
            case _ where scalar.value < 0x20 || isEscaped(scalar):
                for unit in UTF16.encode(scalar) ?? .init() {
                    let digits = String(unit, radix: 16)
                    result += ("\\u" + String(repeating: "0", count: 4 - digits.count) + digits).utf8
                }
            default: result += String(scalar).utf8
            }
        }
        result.append(UInt8(ascii: "\""))
    }
}

extension JSONValue {
    /// Its shortest text in UTF-8, with characters escaped that end a line or a script.
    public var bytes: [UInt8] {
        bytes { scalar in
            (0x7f...0x9f).contains(scalar.value) || scalar == "<" || (0x2028...0x2029).contains(scalar.value)
        }
    }

    /// Its shortest text in UTF-8.
    /// - Parameter isEscaped: which characters are written as \u, beside those that JSON requires to be.
    public func bytes(escaping isEscaped: @escaping (Unicode.Scalar) -> Bool) -> [UInt8] {
        var writer = JSONWriter(escaping: isEscaped)
        writer.write(self)
        return writer.result
    }
}
