import Testing

@testable import DTAPlugins

@Suite("Plugins' JSON")
struct JSONTests {
    private func read(_ text: String) throws -> PluginJSON { try PluginJSONReader.read(Array(text.utf8)) }

    @Test("what is written is read again, as one line of printable ASCII")
    func roundTrip() throws {
        let value = PluginJSON.object([
            "text": .string("a\"\\\n\r\t\0\u{7f}ä🔑\u{2028}"), "list": .array([.null, .bool(true), .bool(false)]),
            "numbers": .array([.integer(.min), .integer(0), .integer(.max)]), "empty": .object([:]), "none": .array([]),
        ])
        #expect(value.line.utf8.allSatisfy { (0x20..<0x7f).contains($0) })
        #expect(try read(value.line) == value)
    }

    @Test("every proper way to write something is read")
    func liberal() throws {
        #expect(try read(" { \"a\" : [ 1 , -0 ] }\t\r") == .object(["a": .array([.integer(1), .integer(0)])]))
        #expect(try read(#""\u00e4\ud83d\udd11\/\b\f""#) == .string("ä🔑/\u{8}\u{c}"))
        #expect(try read("\"ä🔑\"") == .string("ä🔑"))
    }

    @Test(
        "everything else is refused",
        arguments: [
            "", " ", "{", "}", "[", "[1", "[1,", "[1,]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "'a'", "\"a",
            "\"\\",
            "\"\\u12\"", "\"\\x\"", "\"\\ud800\"", "\"\\ud800\\u0041\"", "\"\\udc00\"", "\"a\u{1}\"", "1 2", "{}{}",
            "nul", "True",
            "01", "-", "+1", "1.0", "1e3", ".5", "9223372036854775808", "NaN", "{\"a\":1,\"a\":1}", "\u{feff}{}",
            "/**/1",
            "[[[[[[[[[1]]]]]]]]]",
        ])
    func refused(_ text: String) { #expect(throws: PluginJSONReader.Fault.self) { try read(text) } }

    @Test("names that only look alike are two")
    func canonicalEquivalence() throws {
        // Swift compares strings by canonical equivalence: é in one and in two characters.
        #expect(throws: PluginJSONReader.Fault.self) { try read("{\"e\u{301}\":1,\"\u{e9}\":2}") }
    }

    @Test("bytes have one base64")
    func base64() {
        #expect(PluginJSON.string("AAE=").bytes == [0, 1])
        #expect(PluginJSON.string("").bytes == [])
        for wrong in ["AAE", "AB==", "A", "AA E=", "AAE=\n", "_-8=", "AAE=="] {
            #expect(PluginJSON.string(wrong).bytes == nil, "\(wrong)")
        }
    }
}
