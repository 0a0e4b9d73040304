import Testing

@testable import DTAFormats

@Suite("DAG-CBOR")
struct DAGCBORTests {
    static let link = "d82a582500" + "01711220" + String(repeating: "ab", count: 32)

    @Test(
        "a value has the encoding that RFC 8949, appendix A, and the DAG-CBOR specification give it",
        arguments: [
            (DAGCBOR.Value.unsigned(0), "00"), (.unsigned(23), "17"), (.unsigned(24), "1818"), (.unsigned(255), "18ff"),
            (.unsigned(256), "190100"), (.unsigned(1_000_000), "1a000f4240"), (.unsigned(65_536), "1a00010000"),
            (.unsigned(1 << 32), "1b0000000100000000"), (.unsigned(.max), "1bffffffffffffffff"),
            (.integer(-1), "20"), (.integer(-1000), "3903e7"), (.negative(.max), "3bffffffffffffffff"),
            (.integer(.min), "3b7fffffffffffffff"), (.integer(.max), "1b7fffffffffffffff"),
            (.bool(false), "f4"), (.bool(true), "f5"), (.null, "f6"), (.float(1.1), "fb3ff199999999999a"),
            (.float(0), "fb0000000000000000"), (.float(-0.0), "fb8000000000000000"),
            (.bytes([1, 2, 3, 4]), "4401020304"),
            (.text(""), "60"), (.text("\u{6c34}"), "63e6b0b4"), (.list([]), "80"),
            (.list([.unsigned(1), .list([.unsigned(2)])]), "82018102"), (.map([:]), "a0"),
            (.map(["b": .unsigned(2), "aa": .unsigned(3), "a": .unsigned(1)]), "a361610161620262616103"),
        ])
    func known(_ value: DAGCBOR.Value, _ expected: String) throws {
        #expect(hex(try DAGCBOR.encode(value)) == expected)
        #expect(try DAGCBOR.decode(bytes(expected)) == value)
    }

    @Test("a link is tag 42 around 00 and the CID's bytes")
    func links() throws {
        let cid = try CID(bytes: bytes("01711220" + String(repeating: "ab", count: 32)))
        #expect(hex(try DAGCBOR.encode(.link(cid))) == DAGCBORTests.link)
        #expect(try DAGCBOR.decode(bytes(DAGCBORTests.link)) == .link(cid))
    }

    /// Each line: the rule, bytes that break it, and words of the sentence that must name it.
    static let broken: [(rule: String, bytes: String, words: String)] = [
        ("an integer in its shortest form: 23 in one byte more", "1817", "shortest"),
        ("an integer in its shortest form: 255 in two bytes", "1900ff", "shortest"),
        ("an integer in its shortest form: 65535 in four bytes", "1a0000ffff", "shortest"),
        ("an integer in its shortest form: 2^32 − 1 in eight bytes", "1b00000000ffffffff", "shortest"),
        ("a negative integer in its shortest form", "3800", "shortest"),
        ("a length in its shortest form: bytes", "580100", "shortest"),
        ("a length in its shortest form: text", "780161", "shortest"),
        ("a length in its shortest form: list", "9800", "shortest"),
        ("a length in its shortest form: map", "b800", "shortest"),
        ("a tag in its shortest form", "d9002a" + link.dropFirst(4), "shortest"),
        ("no indefinite lengths: bytes", "5f4100ff", "indefinite"),
        ("no indefinite lengths: text", "7f6161ff", "indefinite"),
        ("no indefinite lengths: list", "9fff", "indefinite"),
        ("no indefinite lengths: map", "bfff", "indefinite"),
        ("no break outside of anything", "ff", "indefinite"),
        ("no tags but 42: a date", "c074323031332d30332d32315432303a30343a30305a", "tags"),
        ("no tags but 42: a big number", "c249010000000000000000", "tags"),
        ("no tags but 42: self-described CBOR", "d9d9f7a0", "tags"),
        ("a link holds bytes, not text", "d82a6161", "byte string"),
        ("a link's bytes start with 00", "d82a58250101711220" + String(repeating: "ab", count: 32), "start with 00"),
        ("a link is not empty", "d82a40", "start with 00"),
        ("a link holds a CID", "d82a4100", "CID"),
        ("a link holds a CID of version 1", "d82a58250000711220" + String(repeating: "ab", count: 32), "version 1"),
        ("map keys are text, not integers", "a10102", "text keys"),
        ("map keys are text, not bytes", "a1416102", "text keys"),
        ("map keys do not repeat", "a2616101616102", "twice"),
        ("map keys in canonical order: by their bytes", "a2616201616102", "canonical order"),
        ("map keys in canonical order: shorter ones first", "a262616101616202", "canonical order"),
        ("floats are finite: not a number", "fb7ff8000000000000", "finite"),
        ("floats are finite: infinity", "fb7ff0000000000000", "finite"),
        ("floats are finite: minus infinity", "fbfff0000000000000", "finite"),
        ("floats have 64 bits: half", "f93c00", "64 bits"),
        ("floats have 64 bits: single", "fa3f800000", "64 bits"),
        ("no simple values but three: undefined", "f7", "simple"),
        ("no simple values but three: unassigned", "e0", "simple"),
        ("no simple values but three: false in two bytes", "f814", "simple"),
        ("no simple values but three: one of two bytes", "f8ff", "simple"),
        ("no reserved heads: 28", "1c", "reserved"),
        ("no reserved heads: 30 of a list", "9e", "reserved"),
        ("text is UTF-8: an odd byte", "61ff", "UTF-8"),
        ("text is UTF-8: overlong", "62c080", "UTF-8"),
        ("text is UTF-8: a surrogate", "63eda080", "UTF-8"),
        ("keys are UTF-8", "a161ff00", "UTF-8"),
        ("nothing after the value", "0000", "after"),
        ("something at all", "", "cut short"),
        ("a whole head", "19ff", "cut short"),
        ("whole bytes", "4401", "beyond the end"),
        ("whole text", "6461", "beyond the end"),
        ("a whole list", "8201", "beyond the end"),
        ("a whole map", "a16161", "cut short"),
        ("a whole float", "fb3ff1", "cut short"),
        ("a list's length that the bytes can hold: 2^40", "9b0000010000000000", "beyond the end"),
        ("a map's length that the bytes can hold: 2^63", "bb8000000000000000", "beyond the end"),
        ("bytes' length that the bytes can hold: 2^64 − 1", "5bffffffffffffffff", "beyond the end"),
        ("text's length that the bytes can hold: 2^64 − 1", "7bffffffffffffffff", "beyond the end"),
        ("a list in four bytes announcing 2^16 − 1", "99ffff00", "beyond the end"),
    ]

    @Test("what breaks a rule is refused, and the sentence names the rule", arguments: broken)
    func refused(_ rule: String, _ encoded: String, _ words: String) throws {
        let input = try bytes(encoded)
        let error = refusal(rule) { _ = try DAGCBOR.decode(input) }
        #expect(error.reason.contains(words), "\(rule): \(error.reason)")
    }

    @Test("nesting is bounded, for reading and for writing alike")
    func depth() throws {
        var deepest = DAGCBOR.Value.list([])
        for _ in 1..<DAGCBOR.maximumDepth { deepest = .list([deepest]) }
        #expect(try DAGCBOR.decode(DAGCBOR.encode(deepest)) == deepest)
        #expect(refusal { _ = try DAGCBOR.encode(.list([deepest])) }.kind == .invalidArgument)
        #expect(refusal { _ = try DAGCBOR.encode(.map(["a": deepest])) }.kind == .invalidArgument)
        for head in [UInt8(0x81), 0xa1] {
            let hostile = (0..<200_000).flatMap { _ in head == 0x81 ? [head] : [head, 0x60] }
            #expect(refusal { _ = try DAGCBOR.decode(hostile) }.reason.contains("levels"))
        }
    }

    @Test("a block beyond the largest size is neither read nor written")
    func size() {
        let large = [UInt8](repeating: 0, count: DAGCBOR.maximumSize)
        #expect(refusal { _ = try DAGCBOR.encode(.bytes(large)) }.kind == .invalidArgument)
        #expect(refusal { _ = try DAGCBOR.decode(large + [0]) }.reason.contains("at most"))
    }

    @Test("floats that are not finite are not written")
    func floats() {
        for number in [Double.nan, .infinity, -.infinity] {
            #expect(refusal { _ = try DAGCBOR.encode(.float(number)) }.kind == .invalidArgument)
        }
    }

    @Test("keys that Unicode holds for equal but whose bytes differ are two keys")
    func unicodeKeys() throws {
        let map: DAGCBOR.Map = ["\u{e9}": .unsigned(1), "e\u{301}": .unsigned(2)]
        #expect(map.count == 2)
        let again = try DAGCBOR.decode(DAGCBOR.encode(.map(map)))
        #expect(again == .map(map))
        #expect(DAGCBOR.Value.text("\u{e9}") != .text("e\u{301}"))
    }

    @Test("a map's entries can be set, replaced and removed, and stay in order")
    func maps() throws {
        var map: DAGCBOR.Map = ["bb": .null, "a": .null]
        map["c"] = .bool(true)
        map["a"] = .bool(false)
        map["bb"] = nil
        map["none"] = nil
        #expect(map.entries.map(\.key) == ["a", "c"])
        #expect(map["a"] == .bool(false))
        #expect(map["bb"] == nil)
        #expect(DAGCBOR.Map(dictionaryLiteral: ("x", .null), ("x", .bool(true))) == ["x": .bool(true)])
    }

    @Test("any value can be read back, and any bytes that are read are written again the same")
    func roundTrip() throws {
        var random = SeededGenerator()
        for _ in 0..<400 {
            let value = randomValue(&random, depth: 0)
            let encoded = try DAGCBOR.encode(value)
            #expect(try DAGCBOR.decode(encoded) == value, "seed \(random.seed)")
            // Damage: cut, flip, or put in a byte. What is still accepted must be canonical.
            for _ in 0..<20 {
                var damaged = encoded
                let place = Int.random(in: 0..<encoded.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: damaged.removeSubrange(place...)
                case 1: damaged[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                default: damaged.insert(UInt8(truncatingIfNeeded: random.next()), at: place)
                }
                guard let read = try? DAGCBOR.decode(damaged) else { continue }
                #expect(try DAGCBOR.encode(read) == damaged, "seed \(random.seed): \(hex(damaged))")
            }
        }
    }

    private func randomValue(_ random: inout SeededGenerator, depth: Int) -> DAGCBOR.Value {
        let shifted = random.next() >> UInt64.random(in: 0..<64, using: &random)
        switch Int.random(in: 0..<(depth > 4 ? 8 : 10), using: &random) {
        case 0: return .null
        case 1: return .bool(shifted & 1 == 0)
        case 2: return .unsigned(shifted)
        case 3: return .negative(shifted)
        case 4: return .float(Double(Int64(bitPattern: random.next())) / 1024)
        case 5: return .bytes(random.bytes(Int.random(in: 0..<40, using: &random)))
        case 6: return .text(randomText(&random))
        case 7: return .link(CID(hashing: random.bytes(4), codec: shifted & 1 == 0 ? .raw : .dagCBOR))
        case 8:
            return .list(
                (0..<Int.random(in: 0..<6, using: &random)).map { _ in randomValue(&random, depth: depth + 1) })
        default:
            var map = DAGCBOR.Map()
            for _ in 0..<Int.random(in: 0..<6, using: &random) {
                map[randomText(&random)] = randomValue(&random, depth: depth + 1)
            }
            return .map(map)
        }
    }

    private func randomText(_ random: inout SeededGenerator) -> String {
        let letters = Array("abcdefgh/-é水🜁\u{301}")
        return String((0..<Int.random(in: 0..<30, using: &random)).map { _ in letters.randomElement(using: &random)! })
    }
}
