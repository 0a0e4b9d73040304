/// Reads one JSON value (RFC 8259) from a plugin's line, and takes nothing for granted: one meaning for each text, no name
/// twice, whole numbers of 64 bits, proper UTF-8, bounded depth. The line's length is bounded by whoever read it.
struct PluginJSONReader {
    /// What is wrong with a line.
    struct Fault: Error, Equatable { let reason: String }

    /// Deeper than any answer needs.
    static let depthLimit = 8

    private let line: [UInt8]
    private var index = 0

    static func read(_ line: [UInt8]) throws(Fault) -> PluginJSON {
        // Once for the whole line, so that no string has to be looked at again.
        guard String(validating: line, as: UTF8.self) != nil else { throw Fault(reason: "it is not UTF-8") }
        var reader = PluginJSONReader(line: line)
        let value = try reader.value(depth: 1)
        reader.skipBlanks()
        guard reader.index == line.count else { throw Fault(reason: "something follows the JSON value") }
        return value
    }

    private init(line: [UInt8]) { self.line = line }

    private var next: UInt8? { index < line.count ? line[index] : nil }

    private mutating func skipBlanks() {
        while let byte = next, byte == 0x20 || byte == 0x09 || byte == 0x0d || byte == 0x0a { index += 1 }
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        skipBlanks()
        guard next == UInt8(ascii: character) else { return false }
        index += 1
        return true
    }

    private mutating func word(_ word: StaticString, _ value: PluginJSON) throws(Fault) -> PluginJSON {
        let letters = Array(word.description.utf8)
        guard line[index...].starts(with: letters) else { throw Fault(reason: "it is not JSON") }
        index += letters.count
        return value
    }

    private mutating func value(depth: Int) throws(Fault) -> PluginJSON {
        guard depth <= PluginJSONReader.depthLimit else {
            throw Fault(reason: "its JSON is deeper than \(PluginJSONReader.depthLimit)")
        }
        skipBlanks()
        guard let first = next else { throw Fault(reason: "it is not JSON") }
        switch first {
        case UInt8(ascii: "{"): return .object(try object(depth: depth))
        case UInt8(ascii: "["): return .array(try array(depth: depth))
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .integer(try number())
        default: throw Fault(reason: "it is not JSON")
        }
    }

    private mutating func object(depth: Int) throws(Fault) -> [String: PluginJSON] {
        index += 1
        var members: [String: PluginJSON] = [:]
        if take("}") { return members }
        repeat {
            skipBlanks()
            guard next == UInt8(ascii: "\"") else { throw Fault(reason: "it is not JSON") }
            let name = try string()
            guard take(":") else { throw Fault(reason: "it is not JSON") }
            guard members.updateValue(try value(depth: depth + 1), forKey: name) == nil else {
                throw Fault(reason: "a member of its JSON stands there twice")
            }
        } while take(",")
        guard take("}") else { throw Fault(reason: "it is not JSON") }
        return members
    }

    private mutating func array(depth: Int) throws(Fault) -> [PluginJSON] {
        index += 1
        var values: [PluginJSON] = []
        if take("]") { return values }
        repeat { values.append(try value(depth: depth + 1)) } while take(",")
        guard take("]") else { throw Fault(reason: "it is not JSON") }
        return values
    }

    private mutating func number() throws(Fault) -> Int64 {
        let start = index
        if next == UInt8(ascii: "-") { index += 1 }
        let digits = index
        while let byte = next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { index += 1 }
        let isLong = index - digits > 1 && line[digits] == UInt8(ascii: "0")
        if let byte = next, [UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E")].contains(byte) {
            throw Fault(reason: "a number in it is not whole")
        }
        guard !isLong, let number = Int64(String(decoding: line[start..<index], as: UTF8.self)) else {
            throw Fault(reason: "a number in it is not one of 64 bits")
        }
        return number
    }

    private mutating func string() throws(Fault) -> String {
        index += 1
        var bytes: [UInt8] = []
        while let byte = next {
            index += 1
            switch byte {
            case UInt8(ascii: "\""): return String(decoding: bytes, as: UTF8.self)
            case UInt8(ascii: "\\"): bytes += String(Character(try escape())).utf8
            case ..<0x20: throw Fault(reason: "a string in it has a control character")
            default: bytes.append(byte)
            }
        }
        throw Fault(reason: "a string in it has no end")
    }

    private mutating func escape() throws(Fault) -> Unicode.Scalar {
        guard let byte = next else { throw Fault(reason: "a string in it has no end") }
        index += 1
        switch byte {
        case UInt8(ascii: "\""): return "\""
        case UInt8(ascii: "\\"): return "\\"
        case UInt8(ascii: "/"): return "/"
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{c}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): return try unicode()
        default: throw Fault(reason: "a string in it has an unknown escape")
        }
    }

    private mutating func unicode() throws(Fault) -> Unicode.Scalar {
        let first = try unit()
        if let scalar = Unicode.Scalar(first) { return scalar }
        // Half of a pair (RFC 8259 section 7): the other half must follow.
        guard UTF16.isLeadSurrogate(first), next == UInt8(ascii: "\\") else {
            throw Fault(reason: "a string in it has half a character")
        }
        index += 1
        guard next == UInt8(ascii: "u") else { throw Fault(reason: "a string in it has half a character") }
        index += 1
        let second = try unit()
        guard UTF16.isTrailSurrogate(second),
            let scalar = Unicode.Scalar(0x10000 + (UInt32(first & 0x3ff) << 10 | UInt32(second & 0x3ff)))
        else { throw Fault(reason: "a string in it has half a character") }
        return scalar
    }

    private mutating func unit() throws(Fault) -> UInt16 {
        var unit: UInt16 = 0
        for _ in 0..<4 {
            guard let byte = next, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw Fault(reason: "a string in it has an unknown escape")
            }
            index += 1
            unit = unit << 4 | UInt16(digit)
        }
        return unit
    }
}
