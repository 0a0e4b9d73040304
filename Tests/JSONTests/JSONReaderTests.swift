import DTAJSON
import Foundation
import Testing

@Suite("JSON")
struct JSONReaderTests {
    private func read(_ text: String) throws -> JSONValue { try JSONReader.read(Array(text.utf8)) }

    @Test(
        "JSON is read and written without change",
        arguments: [
            "null", "true", "-0", "9223372036854775807", "-9223372036854775808", "1.5", "[]", "{}",
            #"{"a":[1,{"b":"\"\\"}],"c":null}"#, #""ä\n🔑\u0000""#,
        ])
    func roundTrip(text: String) throws {
        let value = try read(text)
        #expect(try JSONReader.read(value.bytes) == value)
        #expect(try JSONReader.read(value.bytes { !$0.isASCII }) == value)
        let theirs = try JSONSerialization.jsonObject(with: Data(text.utf8), options: .fragmentsAllowed)
        let again = try JSONSerialization.jsonObject(with: Data(value.bytes), options: .fragmentsAllowed)
        #expect((theirs as? NSObject) == (again as? NSObject))
    }

    @Test("JSON is read in every proper way to write it")
    func liberal() throws {
        #expect(try read(" { \"a\" : [ 1 , -0 ] }\t\r") == ["a": [1, 0]])
        #expect(try read(#""\u00e4\ud83d\udd11\/\b\f""#) == .string("ä🔑/\u{8}\u{c}"))
        #expect(try read("\"ä🔑\"") == .string("ä🔑"))
        #expect(try read("9223372036854775808") == .number(9_223_372_036_854_775_808))
    }

    /// What could be read in two ways, or is no JSON.
    private static let refused = [
        "", " ", "{", "}", "[", "[1", "[1,", "[1,]", "[1 2]", "[1]]", "[1] 2", "1 2", "{}{}", "{\"a\"}", "{\"a\":}",
        "{\"a\" 1}", "{\"a\":1,}", "{a:1}", "{\"a\":1,\"a\":2}", "{\"a\":1,\"\\u0061\":2}", "'a'", "\"a", "\"\\",
        "\"\\u12\"", "\"\\u+123\"", "\"\\x\"", "\"\\ud800\"", "\"\\ud800\\u0041\"", "\"\\udc00\"", "\"\\udc00\\ud800\"",
        "\"\u{1}\"", "nul", "True", "01", "-", "+1", "1.", "1e", ".5", "1e999", "NaN", "Infinity", "\u{feff}1",
        "\u{feff}{}",
        "/**/1", "// a\n1",
    ]

    @Test("JSON is refused where it could be read in two ways, or is none", arguments: refused)
    func refusals(text: String) {
        #expect(throws: JSONReader.Failure.self) { try read(text) }
    }

    @Test("JSON has whole numbers of 64 bits alone, where that is wanted")
    func whole() throws {
        func read(_ text: String) throws -> JSONValue { try JSONReader.read(Array(text.utf8), numbers: .whole) }
        #expect(try read("[9223372036854775807,-9223372036854775808,-0]") == [.integer(.max), .integer(.min), 0])
        for text in ["1.0", "1e3", "[0.5]", "9223372036854775808", "-9223372036854775809", "1e999"] {
            #expect(throws: JSONReader.Failure.self) { try read(text) }
        }
    }

    @Test("JSON nests as deep as it may, and a bomb of brackets costs neither stack nor time")
    func depth() throws {
        let eight = Array((String(repeating: "[", count: 7) + "1" + String(repeating: "]", count: 7)).utf8)
        _ = try JSONReader.read(eight, depth: 8)
        #expect(throws: JSONReader.Failure.self) { try JSONReader.read(eight, depth: 7) }
        for bomb in ["[", "{\"a\":", "[["] {
            #expect(throws: JSONReader.Failure.self) { try read(String(repeating: bomb, count: 1 << 20)) }
        }
    }

    @Test("JSON is UTF-8, everywhere")
    func encoding() {
        for bytes: [UInt8] in [[0x22, 0xff, 0x22], [0xff], [0x22, 0xed, 0xa0, 0x80, 0x22], [0x22, 0xc0, 0xaf, 0x22]] {
            #expect(throws: JSONReader.Failure.self) { try JSONReader.read(bytes) }
        }
    }

    @Test("JSON has no two names that only look alike")
    func canonicalEquivalence() throws {
        // Swift compares strings by canonical equivalence: é in one and in two characters.
        #expect(throws: JSONReader.Failure.self) { try read("{\"e\u{301}\":1,\"\u{e9}\":2}") }
    }

    @Test("JSON ends neither a line of a log nor a script where it stands in one")
    func escapes() {
        #expect(
            String(decoding: JSONValue.string("</script>\u{2028}\u{85}\n").bytes, as: UTF8.self)
                == #""\u003c/script>\u2028\u0085\n""#)
    }

    @Test("seeds of the fuzzer are read or refused, and what is read is written again")
    func seeds() throws {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
            "../fuzz/corpus/json")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        var read: Set<String> = []
        for name in names {
            let bytes = Array(try Data(contentsOf: folder.appendingPathComponent(name)))
            guard let value = try? JSONReader.read(bytes) else { continue }
            #expect(try JSONReader.read(value.bytes) == value, "\(name)")
            read.insert(name)
        }
        #expect(read.isSuperset(of: ["answer", "token", "nested"]))
        #expect(read.isDisjoint(with: ["alike", "half"]))
    }

    @Test("JSON keeps its members' order, or has that of their names")
    func order() {
        #expect(String(decoding: (["b": 1, "a": 2] as JSONValue).bytes, as: UTF8.self) == #"{"b":1,"a":2}"#)
        #expect(String(decoding: JSONValue(sorting: ["b": 1, "a": 2]).bytes, as: UTF8.self) == #"{"a":2,"b":1}"#)
    }
}
