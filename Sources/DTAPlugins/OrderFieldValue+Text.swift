import DTAFormats

extension OrderFieldValue {
    /// A value as clients write it: bytes in hexadecimal, two digits for each, numbers in decimal.
    /// - Returns: nil if it is not one of this kind.
    public init?(_ text: String, as kind: PluginField.Kind) {
        switch kind {
        case .text: self = .text(text)
        case .integer:
            guard let number = Int64(text) else { return nil }
            self = .integer(number)
        case .bytes:
            guard let bytes = OrderFieldValue.bytes(hexadecimal: text) else { return nil }
            self = .bytes(bytes)
        }
    }

    /// Its text for people: bytes in hexadecimal.
    public var shown: String {
        switch self {
        case .text(let text): text
        case .integer(let number): "\(number)"
        case .bytes(let bytes):
            String(
                decoding: bytes.flatMap {
                    [OrderFieldValue.digits[Int($0 >> 4)], OrderFieldValue.digits[Int($0 & 15)]]
                },
                as: UTF8.self)
        }
    }

    private static let digits = Array("0123456789abcdef".utf8)

    private static func bytes(hexadecimal text: String) -> [UInt8]? {
        let digits = text.utf8.map { Character(Unicode.Scalar($0)).hexDigitValue.map(UInt8.init) }
        guard digits.count.isMultiple(of: 2) else { return nil }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let high = digits[index], let low = digits[index + 1] else { return nil }
            bytes.append(high << 4 | low)
        }
        return bytes
    }
}
