import DTABytes

/// The rules for texts and times of documents. They are shown to people, so they must be safe for terminals.
enum DocumentRules {
    /// Unix seconds: 1970 to the end of 9999.
    static let times: ClosedRange<Int64> = 0...UTCTime.last
    /// Bytes of UTF-8.
    static let nameLimit = 128
    static let mediaTypeLimit = 128

    /// A document has one name: the same bytes as a raw block are not the document.
    static func check(_ cid: CID, names block: [UInt8]) throws {
        guard cid.codec == .dagCBOR else {
            throw FormatError(.malformed, "a document is named by the CID of a DAG-CBOR block, not of a raw one")
        }
        guard cid.names(block) else { throw FormatError(.mismatch, "the block is not the one that the CID names") }
    }

    static func check(time: Int64) throws {
        guard times.contains(time) else {
            throw FormatError(.invalidArgument, "a time is given in whole seconds since 1970, to the year 9999")
        }
    }

    /// An identity's name: 1 to 128 bytes of text without control characters, line ends or direction marks.
    static func check(name: String) throws {
        guard (1...nameLimit).contains(name.utf8.count) else {
            throw FormatError(.malformed, "an identity's name has 1 to \(nameLimit) bytes, not \(name.utf8.count)")
        }
        guard name.unicodeScalars.allSatisfy(isPlain), name.unicodeScalars.contains(where: { $0 != " " }) else {
            throw FormatError(
                .malformed, "an identity's name is one line of text without control characters or direction marks")
        }
    }

    /// A sentence for people: one line of text without control characters or direction marks.
    static func check(line text: String, atMost limit: Int, _ what: String) throws {
        guard (1...limit).contains(text.utf8.count), text.unicodeScalars.allSatisfy(isPlain) else {
            throw FormatError(
                .malformed,
                "\(what) is one line of 1 to \(limit) bytes of text without control characters or direction marks")
        }
    }

    /// A name for programs: lower-case letters, digits, `-` and `_`.
    static func check(word text: String, atMost limit: Int, _ what: String) throws {
        let isWord = text.utf8.allSatisfy { letter in
            (0x61...0x7a).contains(letter) || (0x30...0x39).contains(letter) || letter == 0x2d || letter == 0x5f
        }
        guard (1...limit).contains(text.utf8.count), isWord else {
            throw FormatError(.malformed, "\(what) has 1 to \(limit) of the characters a to z, 0 to 9, - and _")
        }
    }

    /// A media type: `type/subtype` in printable ASCII, parameters allowed (RFC 9110 §8.3.1).
    static func check(mediaType: String) throws {
        let bytes = Array(mediaType.utf8)
        let parts = bytes.prefix { $0 != UInt8(ascii: ";") }.split(
            separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard bytes.count <= mediaTypeLimit, bytes.allSatisfy({ (0x20...0x7e).contains($0) }), parts.count == 2,
            parts.allSatisfy({ part in !part.isEmpty && part.first != UInt8(ascii: " ") })
        else {
            throw FormatError(
                .malformed,
                "an envelope's content is a media type such as text/plain, of \(mediaTypeLimit) bytes of ASCII at most")
        }
    }

    private static func isPlain(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator, .unassigned, .privateUse, .surrogate: return false
        default: break
        }
        // Marks, embeddings, overrides and isolates, which could make a name look like another.
        switch scalar.value {
        case 0x061c, 0x200b, 0x200e, 0x200f, 0x202a...0x202e, 0x2060...0x2069, 0xfeff: return false
        default: return true
        }
    }
}
