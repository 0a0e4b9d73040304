import DTABytes

/// Reads DER (X.690) one element after the other, by places in a text that it does not copy: what is read may be a
/// secret. It goes into an element only if it is asked to, so there is no recursion, and no length is trusted.
package struct DERReader {
    package enum Tag {
        package static let integer: UInt8 = 0x02
        package static let bitString: UInt8 = 0x03
        package static let octetString: UInt8 = 0x04
        package static let null: UInt8 = 0x05
        package static let objectIdentifier: UInt8 = 0x06
        package static let sequence: UInt8 = 0x30
        /// Context-specific and constructed.
        package static func explicit(_ number: UInt8) -> UInt8 { 0xa0 | number }
    }

    /// What is left to read.
    package private(set) var rest: Range<Int>

    /// Reads all of a text, or what an element has.
    package init(_ range: Range<Int>) { rest = range }

    package var isAtEnd: Bool { rest.isEmpty }

    /// The tag of the next element; nil at the end.
    package func tag(_ bytes: Span<UInt8>) -> UInt8? { rest.isEmpty ? nil : bytes[rest.lowerBound] }

    /// Takes the next element.
    /// - Returns: where its contents are.
    /// - Throws: `FormatError.malformed` if there is none, if it has another tag, or if its length is not DER's.
    package mutating func take(_ tag: UInt8, _ bytes: Span<UInt8>) throws -> Range<Int> {
        guard rest.upperBound <= bytes.count, rest.count >= 2, bytes[rest.lowerBound] == tag else {
            throw DERReader.malformed
        }
        var at = rest.lowerBound + 2
        var length = Int(bytes[rest.lowerBound + 1])
        if length >= 0x80 {
            // The long form, with as few bytes as possible; three are more than any key has.
            let count = length - 0x80
            guard (1...3).contains(count), rest.upperBound - at >= count else { throw DERReader.malformed }
            length = 0
            for index in at..<at + count { length = length << 8 | Int(bytes[index]) }
            guard length >= 0x80, count == 1 || length >> (8 * (count - 1)) > 0 else { throw DERReader.malformed }
            at += count
        }
        guard rest.upperBound - at >= length else { throw DERReader.malformed }
        rest = at + length..<rest.upperBound
        return at..<at + length
    }

    /// Takes an INTEGER that is not negative.
    /// - Returns: where its digits are, without the zero before them; empty for 0.
    package mutating func takeNumber(_ bytes: Span<UInt8>) throws -> Range<Int> {
        let digits = try take(Tag.integer, bytes)
        guard let first = digits.first, bytes[first] < 0x80 else { throw DERReader.malformed }
        guard bytes[first] == 0 else { return digits }
        // One zero, and only before a digit that would make the number negative.
        guard digits.count == 1 || bytes[first + 1] >= 0x80 else { throw DERReader.malformed }
        return first + 1..<digits.upperBound
    }

    /// - Throws: `FormatError.malformed` if something is left.
    package func end() throws {
        guard rest.isEmpty else { throw DERReader.malformed }
    }

    package static let malformed = FormatError(.malformed, "it is not DER, or it is cut short")
}
