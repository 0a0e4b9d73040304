import DTABytes

/// Reads values and refuses every encoding but the canonical one. It allocates no more than the bytes at hand call for,
/// even if they announce greater lengths. The bytes are lent to each call, and need be in no array: they may be a secret.
struct DAGCBORDecoder {
    private var position = 0
    /// How many values may still come.
    private var valuesLeft: Int
    /// Whether lists, maps and byte strings keep their contents; otherwise they are checked and come out empty.
    private let keeps: Bool
    /// Whether the places of the outermost map's values are noted.
    private let marks: Bool
    private(set) var places: [String: Range<Int>] = [:]

    init(mostValues: Int, keeps: Bool = true, marks: Bool = false) {
        valuesLeft = mostValues
        self.keeps = keeps
        self.marks = marks
    }

    func isAtEnd(of bytes: Span<UInt8>) -> Bool { position == bytes.count }

    mutating func value(_ bytes: Span<UInt8>, depth: Int) throws -> DAGCBOR.Value {
        guard valuesLeft > 0 else { throw FormatError(.malformed, "there are more values than such a document has") }
        valuesLeft -= 1
        let first = try next(bytes)
        let (major, information) = (first >> 5, first & 31)
        switch major {
        case 0: return .unsigned(try argument(bytes, information))
        case 1: return .negative(try argument(bytes, information))
        case 2: return .bytes(try content(bytes, information, keeps))
        case 3: return .text(try text(bytes, information))
        case 4: return .list(try list(bytes, information, depth: depth))
        case 5: return .map(try map(bytes, information, depth: depth))
        case 6: return .link(try link(bytes, information))
        default: return try simple(bytes, information)
        }
    }

    private mutating func next(_ bytes: Span<UInt8>) throws -> UInt8 {
        guard position < bytes.count else { throw FormatError(.malformed, "the DAG-CBOR value is cut short") }
        defer { position += 1 }
        return bytes[position]
    }

    /// The number in or after a head, in its shortest form.
    private mutating func argument(_ bytes: Span<UInt8>, _ information: UInt8) throws -> UInt64 {
        let size: Int
        switch information {
        case 0..<24: return UInt64(information)
        case 24...27: size = 1 << Int(information - 24)
        case 31: throw FormatError(.notCanonical, "DAG-CBOR has no indefinite lengths")
        default: throw FormatError(.malformed, "a CBOR head with a reserved value")
        }
        var number: UInt64 = 0
        for _ in 0..<size { number = number << 8 | UInt64(try next(bytes)) }
        // The least number that needs this size: 24, 2^8, 2^16, 2^32.
        let least: UInt64 = size == 1 ? 24 : 1 << UInt64(size * 4)
        guard number >= least else {
            throw FormatError(.notCanonical, "an integer, length or tag is not in its shortest form")
        }
        return number
    }

    /// A count of things that take at least `size` bytes each: never more than can follow.
    private mutating func count(_ bytes: Span<UInt8>, _ information: UInt8, size: Int) throws -> Int {
        let announced = try argument(bytes, information)
        guard announced <= UInt64((bytes.count - position) / size) else {
            throw FormatError(.malformed, "a DAG-CBOR length goes beyond the end")
        }
        return Int(announced)
    }

    private mutating func content(_ bytes: Span<UInt8>, _ information: UInt8, _ keeps: Bool) throws -> [UInt8] {
        let length = try count(bytes, information, size: 1)
        defer { position += length }
        return keeps ? Array(copying: bytes.extracting(position..<position + length)) : []
    }

    private mutating func text(_ bytes: Span<UInt8>, _ information: UInt8) throws -> String {
        let length = try count(bytes, information, size: 1)
        let text = unsafe bytes.extracting(position..<position + length).withUnsafeBufferPointer {
            unsafe String(validating: $0, as: UTF8.self)
        }
        guard let text else { throw FormatError(.malformed, "DAG-CBOR text is not UTF-8") }
        position += length
        return text
    }

    private func check(_ depth: Int) throws {
        guard depth < DAGCBOR.maximumDepth else {
            throw FormatError(.malformed, "DAG-CBOR here nests \(DAGCBOR.maximumDepth) levels at most")
        }
    }

    private mutating func list(_ bytes: Span<UInt8>, _ information: UInt8, depth: Int) throws -> [DAGCBOR.Value] {
        try check(depth)
        var items: [DAGCBOR.Value] = []
        for _ in 0..<(try count(bytes, information, size: 1)) {
            let item = try value(bytes, depth: depth + 1)
            if keeps { items.append(item) }
        }
        return items
    }

    private mutating func map(_ bytes: Span<UInt8>, _ information: UInt8, depth: Int) throws -> DAGCBOR.Map {
        try check(depth)
        var entries: [DAGCBOR.Map.Entry] = []
        var last: String?
        for _ in 0..<(try count(bytes, information, size: 2)) {
            let first = try next(bytes)
            guard first >> 5 == 3 else { throw FormatError(.malformed, "a DAG-CBOR map has text keys only") }
            let key = try text(bytes, first & 31)
            if let last, !DAGCBOR.Map.precedes(last, key) {
                throw last.utf8.elementsEqual(key.utf8)
                    ? FormatError(.malformed, "a DAG-CBOR map has the same key twice")
                    : FormatError(.notCanonical, "the keys of a DAG-CBOR map are not in canonical order")
            }
            let start = position
            let item = try value(bytes, depth: depth + 1)
            if marks, depth == 0 { places[key] = start..<position }
            if keeps { entries.append(.init(key: key, value: item)) }
            last = key
        }
        return DAGCBOR.Map(inOrder: entries)
    }

    private mutating func link(_ bytes: Span<UInt8>, _ information: UInt8) throws -> CID {
        guard try argument(bytes, information) == 42 else {
            throw FormatError(.malformed, "DAG-CBOR has no tags but 42, for links")
        }
        let first = try next(bytes)
        guard first >> 5 == 2 else { throw FormatError(.malformed, "a DAG-CBOR link is a byte string") }
        let content = try content(bytes, first & 31, true)
        guard content.first == 0 else { throw FormatError(.malformed, "the bytes of a DAG-CBOR link start with 00") }
        return try CID(bytes: Array(content.dropFirst()))
    }

    private mutating func simple(_ bytes: Span<UInt8>, _ information: UInt8) throws -> DAGCBOR.Value {
        switch information {
        case 20: return .bool(false)
        case 21: return .bool(true)
        case 22: return .null
        case 25, 26: throw FormatError(.notCanonical, "DAG-CBOR floats have 64 bits")
        case 27:
            var pattern: UInt64 = 0
            for _ in 0..<8 { pattern = pattern << 8 | UInt64(try next(bytes)) }
            let number = Double(bitPattern: pattern)
            guard number.isFinite else { throw FormatError(.malformed, "DAG-CBOR has finite floats only") }
            return .float(number)
        case 31: throw FormatError(.notCanonical, "DAG-CBOR has no indefinite lengths")
        default: throw FormatError(.malformed, "DAG-CBOR has no simple values but true, false and null")
        }
    }
}
