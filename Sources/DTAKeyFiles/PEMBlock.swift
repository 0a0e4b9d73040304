import DTABytes
import DTAFormats

/// The private key in a text of PEM (RFC 7468). Other text before and behind it, and parameters of a curve, are left
/// out.
struct PEMBlock: ~Copyable {
    let label: String
    private let der: Secret

    /// - Throws: `FormatError` for a block that is not complete, that is encrypted, or whose text is not base64; if there
    ///   are several private keys.
    /// - Returns: nil if the text has no block at all.
    static func find(_ text: Span<UInt8>) throws -> PEMBlock? {
        var found: (label: String, body: Range<Int>)?
        var other: String?
        var open: (label: String, start: Int)?
        var start = 0
        for index in 0...text.count where index == text.count || text[index] == 0x0a || text[index] == 0x0d {
            let line = trimmed(text, start..<index)
            start = index + 1
            if let label = label(text, line, "-----BEGIN ") {
                guard open == nil else { throw FormatError(.malformed, "a block of PEM begins within another") }
                open = (label, index + 1)
            } else if let label = label(text, line, "-----END ") {
                guard let begun = open, begun.label == label else {
                    throw FormatError(.malformed, "a block of PEM ends that did not begin")
                }
                open = nil
                guard label.hasSuffix("PRIVATE KEY") else {
                    other = other ?? label
                    continue
                }
                guard found == nil else { throw FormatError(.unsupported, "it has more than one private key") }
                found = (label, min(begun.start, line.lowerBound)..<line.lowerBound)
            }
        }
        guard open == nil else { throw FormatError(.malformed, "a block of PEM does not end: the file is cut short") }
        guard let found else {
            guard let other else { return nil }
            throw FormatError(.unsupported, "it holds no private key, but a \(other)")
        }
        return PEMBlock(label: found.label, der: try decode(text, found.body))
    }

    /// Lends what is in it.
    borrowing func withContents<Result: ~Copyable>(_ body: (borrowing Secret) throws -> Result) rethrows -> Result {
        try body(der)
    }

    private static func decode(_ text: Span<UInt8>, _ body: Range<Int>) throws -> Secret {
        // Headers of the old form (RFC 1421) say that it is encrypted.
        guard !body.contains(where: { text[$0] == UInt8(ascii: ":") }) else {
            throw FormatError(
                .unsupported, "it is encrypted (Proc-Type: 4,ENCRYPTED): openssl pkey -in FILE decrypts it",
                word: "encrypted")
        }
        let letters = unsafe Secret(capacity: body.count) { room, count in
            for index in body where !KeyFile.isBlank(text[index]) {
                unsafe room[count] = text[index]
                count += 1
            }
        }
        guard let der = Base64.decode(secret: letters) else {
            throw FormatError(.malformed, "its PEM is not base64: it is damaged")
        }
        return der
    }

    private static func trimmed(_ text: Span<UInt8>, _ line: Range<Int>) -> Range<Int> {
        var line = line
        while let last = line.last, KeyFile.isBlank(text[last]) { line = line.lowerBound..<last }
        return line
    }

    /// The label of a line such as `-----BEGIN PRIVATE KEY-----`; nil for other lines. Labels are harmless text.
    private static func label(_ text: Span<UInt8>, _ line: Range<Int>, _ beginning: String) -> String? {
        let head = Array(beginning.utf8)
        let count = line.count - head.count - 5
        guard (1...40).contains(count), head.indices.allSatisfy({ text[line.lowerBound + $0] == head[$0] }),
            (line.upperBound - 5..<line.upperBound).allSatisfy({ text[$0] == UInt8(ascii: "-") })
        else { return nil }
        let letters = (line.lowerBound + head.count..<line.upperBound - 5).map { text[$0] }
        guard letters.allSatisfy({ (0x41...0x5a).contains($0) || (0x30...0x39).contains($0) || $0 == 0x20 }) else {
            return nil
        }
        return String(decoding: letters, as: UTF8.self)
    }
}
