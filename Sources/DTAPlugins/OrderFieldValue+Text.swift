import DTABytes
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
            guard let bytes = Hexadecimal.decode(text) else { return nil }
            self = .bytes(bytes)
        }
    }

    /// Its text for people: bytes in hexadecimal.
    public var shown: String {
        switch self {
        case .text(let text): text
        case .integer(let number): "\(number)"
        case .bytes(let bytes):
            Hexadecimal.encode(bytes)
        }
    }
}
