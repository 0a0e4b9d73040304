/// Reads a document's map, field by field: each of the right type and length, and no others.
struct DocumentReader {
    private let document: String
    private let map: DAGCBOR.Map
    private var asked: Set<String> = []

    /// - Parameter document: its kind, for error texts: "an identity".
    init(_ value: DAGCBOR.Value, _ document: String) throws {
        guard case .map(let map) = value else { throw FormatError(.malformed, "\(document) is a map") }
        self.document = document
        self.map = map
    }

    /// - Throws: if a field was not read.
    func finish() throws {
        guard let unknown = map.entries.first(where: { !asked.contains($0.key) }) else { return }
        // A name from the bytes is shown only if it is safe for a terminal.
        let harmless = unknown.key.utf8.count <= 32 && unknown.key.utf8.allSatisfy { (0x61...0x7a).contains($0) }
        let name = harmless ? "a field \"\(unknown.key)\"" : "a field of that name"
        throw FormatError(.unsupported, "\(document) has no such field in this version: \(name)")
    }

    mutating func optional(_ field: String) -> DAGCBOR.Value? {
        asked.insert(field)
        return map[field]
    }

    mutating func value(_ field: String) throws -> DAGCBOR.Value {
        guard let value = optional(field) else {
            throw FormatError(.malformed, "\(document) lacks the field \"\(field)\"")
        }
        return value
    }

    mutating func text(_ field: String) throws -> String {
        guard case .text(let text) = try value(field) else { throw wrong(field, "text") }
        return text
    }

    /// Checks the field `type`.
    mutating func type(_ expected: String) throws {
        guard try text("type") == expected else {
            throw FormatError(.unsupported, "\(document) of this version has the type \"\(expected)\"")
        }
    }

    /// Unix seconds.
    mutating func time(_ field: String) throws -> Int64 {
        guard let seconds = try value(field).integer, DocumentRules.times.contains(seconds) else {
            throw wrong(field, "a time: whole seconds since 1970, to the year 9999")
        }
        return seconds
    }

    mutating func bytes(_ field: String, count: Int) throws -> [UInt8] {
        guard let bytes = try optionalBytes(field, count: count) else {
            throw FormatError(.malformed, "\(document) lacks the field \"\(field)\"")
        }
        return bytes
    }

    mutating func optionalBytes(_ field: String, count: Int) throws -> [UInt8]? {
        guard let value = optional(field) else { return nil }
        guard case .bytes(let bytes) = value, bytes.count == count else { throw wrong(field, "\(count) bytes") }
        return bytes
    }

    mutating func bytes(_ field: String, atMost limit: Int) throws -> [UInt8] {
        guard case .bytes(let bytes) = try value(field), bytes.count <= limit else {
            throw wrong(field, "\(limit) bytes at most")
        }
        return bytes
    }

    mutating func link(_ field: String) throws -> CID {
        guard let link = try optionalLink(field) else {
            throw FormatError(.malformed, "\(document) lacks the field \"\(field)\"")
        }
        return link
    }

    /// A link to a document, so always to a DAG-CBOR block.
    mutating func optionalLink(_ field: String) throws -> CID? {
        guard let value = optional(field) else { return nil }
        guard case .link(let link) = value, link.codec == .dagCBOR else { throw wrong(field, "a link to a document") }
        return link
    }

    /// nil if there is no such field.
    mutating func optionalTime(_ field: String) throws -> Int64? {
        optional(field) == nil ? nil : try time(field)
    }

    mutating func integer(_ field: String, in range: ClosedRange<Int64>) throws -> Int64 {
        guard let number = try value(field).integer, range.contains(number) else {
            throw wrong(field, "an integer from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    mutating func bool(_ field: String) throws -> Bool {
        guard case .bool(let value) = try value(field) else { throw wrong(field, "true or false") }
        return value
    }

    mutating func bytes(_ field: String, in range: ClosedRange<Int>) throws -> [UInt8] {
        guard case .bytes(let bytes) = try value(field), range.contains(bytes.count) else {
            throw wrong(field, "bytes, \(range.lowerBound) to \(range.upperBound) of them")
        }
        return bytes
    }

    /// Links to documents.
    mutating func links(_ field: String, atMost limit: Int) throws -> [CID] {
        let items = try list(field)
        guard items.count <= limit else { throw wrong(field, "a list of \(limit) links at most") }
        return try items.map { item in
            guard case .link(let link) = item, link.codec == .dagCBOR else {
                throw wrong(field, "a list of links to documents")
            }
            return link
        }
    }

    mutating func list(_ field: String) throws -> [DAGCBOR.Value] {
        guard case .list(let items) = try value(field) else { throw wrong(field, "a list") }
        return items
    }

    private func wrong(_ field: String, _ expected: String) -> FormatError {
        FormatError(.malformed, "the field \"\(field)\" of \(document) is \(expected)")
    }
}
