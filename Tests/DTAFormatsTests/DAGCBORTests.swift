import TestSupport
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

    @Test("a link in DAG-CBOR is tag 42 around 00 and the CID's bytes")
    func links() throws {
        let cid = try CID(bytes: bytes("01711220" + String(repeating: "ab", count: 32)))
        #expect(hex(try DAGCBOR.encode(.link(cid))) == DAGCBORTests.link)
        #expect(try DAGCBOR.decode(bytes(DAGCBORTests.link)) == .link(cid))
    }

    /// Words of the sentence that must name each rule of `docs/vectors/dag-cbor-refused.json`; several where a breach of
    /// it may show as more than one thing.
    static let words: [String: [String]] = [
        "shortest-integers": ["shortest"], "definite-lengths": ["indefinite"], "one-tag": ["no tags but 42"],
        "links": ["link", "cut short"], "cids": ["CID"], "text-keys": ["text keys only"],
        "unique-keys": ["the same key twice", "canonical order"], "key-order": ["canonical order"],
        "finite-floats": ["finite floats"],
        "long-floats": ["64 bits"], "simple-values": ["no simple values"], "reserved-heads": ["reserved", "simple"],
        "utf-8": ["UTF-8"], "one-value": ["after the DAG-CBOR value", "cut short", "beyond the end"],
        "lengths": ["beyond the end"],
        "depth": ["levels"],
    ]

    @Test(
        "DAG-CBOR that breaks a rule is refused, and the sentence names the rule", arguments: try! RefusedVectors.read()
    )
    func refused(_ vector: RefusedVector) throws {
        let input = try bytes(vector.bytes)
        let error = refusal(vector.what) { _ = try DAGCBOR.decode(input) }
        #expect(refusal(vector.what) { try DAGCBOR.check(input) } == error)
        let words = try #require(DAGCBORTests.words[vector.rule])
        #expect(words.contains { error.reason.contains($0) }, "\(error.reason)")
    }

    @Test("a document of many small values is refused before it takes much memory; data is not")
    func bomb() throws {
        let list = try DAGCBOR.encode(.list([DAGCBOR.Value](repeating: .list([]), count: 100_000)))
        // The largest envelope that there is has fewer.
        let wrap = DAGCBOR.Value.map(["enc": .bytes([]), "key": .bytes([])])
        let link = DAGCBOR.Value.link(CID(hashing: [UInt8](), codec: .raw))
        let largest = DAGCBOR.Value.map([
            "chunks": .list([DAGCBOR.Value](repeating: link, count: Chunks.linksPerPage)),
            "to": .list([DAGCBOR.Value](repeating: link, count: Envelope.listedRecipients)),
            "wraps": .list([DAGCBOR.Value](repeating: wrap, count: Envelope.listedRecipients)),
        ])
        _ = try DAGCBOR.decode(DAGCBOR.encode(largest), mostValues: DAGCBOR.documentValues / 4 * 3)
        #expect(refusal { _ = try DAGCBOR.decode(list, mostValues: 100_000) }.reason.contains("more values"))
        #expect(try DAGCBOR.decode(list, mostValues: 100_001) == DAGCBOR.decode(list))
        try DAGCBOR.check(list)
        #expect(refusal { _ = try SignedEnvelope(block: list) }.reason.contains("more values"))
        func claim(_ count: Int) throws -> DocumentKind {
            let value = DAGCBOR.Value.map([
                "envelope": .list([DAGCBOR.Value](repeating: .list([]), count: count)), "signatures": .list([]),
            ])
            return DocumentKind(of: ContentBlock(hashing: try DAGCBOR.encode(value), codec: .dagCBOR))
        }
        #expect(try claim(100) == .envelope && claim(DAGCBOR.documentValues) == .block)
    }

    @Test("every rule of DAG-CBOR has vectors")
    func rules() throws {
        let rules = try RefusedVectors.rules()
        #expect(Set(try RefusedVectors.read().map(\.rule)) == Set(rules.keys))
        #expect(Set(rules.keys) == Set(DAGCBORTests.words.keys))
    }

    @Test("nesting in DAG-CBOR is bounded, for reading and for writing alike")
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

    @Test("a block of DAG-CBOR beyond the largest size is neither read nor written")
    func size() {
        let large = [UInt8](repeating: 0, count: DAGCBOR.maximumSize)
        #expect(refusal { _ = try DAGCBOR.encode(.bytes(large)) }.kind == .invalidArgument)
        #expect(refusal { _ = try DAGCBOR.decode(large + [0]) }.reason.contains("at most"))
    }

    @Test("floats that are not finite are not written as DAG-CBOR")
    func floats() {
        for number in [Double.nan, .infinity, -.infinity] {
            #expect(refusal { _ = try DAGCBOR.encode(.float(number)) }.kind == .invalidArgument)
        }
    }

    @Test("keys in DAG-CBOR that Unicode holds for equal but whose bytes differ are two keys")
    func unicodeKeys() throws {
        let map: DAGCBOR.Map = ["\u{e9}": .unsigned(1), "e\u{301}": .unsigned(2)]
        #expect(map.count == 2)
        let again = try DAGCBOR.decode(DAGCBOR.encode(.map(map)))
        #expect(again == .map(map))
        #expect(DAGCBOR.Value.text("\u{e9}") != .text("e\u{301}"))
    }

    @Test("the entries of a map in DAG-CBOR can be set, replaced and removed, and stay in order")
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

    @Test("any value of DAG-CBOR can be read back, and any bytes that are read are written again the same")
    func roundTrip() throws {
        var random = SeededGenerator()
        for _ in 0..<1000 {
            let value = random.value()
            let encoded = try DAGCBOR.encode(value)
            #expect(try DAGCBOR.decode(encoded) == value, "seed \(random.seed)")
            for _ in 0..<10 {
                let damaged = random.damaged(encoded)
                guard let read = try? DAGCBOR.decode(damaged) else { continue }
                #expect(try DAGCBOR.encode(read) == damaged, "seed \(random.seed): \(hex(damaged))")
            }
        }
    }

    @Test("noise of bytes that mean something in DAG-CBOR is refused or written again the same")
    func noise() throws {
        var random = SeededGenerator()
        let heads: [UInt8] = [
            0x00, 0x17, 0x18, 0x19, 0x20, 0x40, 0x41, 0x60, 0x61, 0x80, 0x81, 0x82, 0x9f, 0xa0, 0xa1, 0xa2, 0xd8, 0x2a,
            0xf4, 0xf6, 0xf7, 0xfb, 0xff,
        ]
        var accepted = 0
        for _ in 0..<50_000 {
            let noise = (0..<Int.random(in: 1...12, using: &random)).map { _ in heads.randomElement(using: &random)! }
            guard let read = try? DAGCBOR.decode(noise) else { continue }
            accepted += 1
            #expect(try DAGCBOR.encode(read) == noise, "seed \(random.seed): \(hex(noise))")
        }
        #expect(accepted > 100)
    }
}
