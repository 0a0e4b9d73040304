import DTAJSON
import Testing

@testable import DTAPlugins

@Suite("Plugins' lines")
struct PluginLineTests {
    @Test("a plugin's line that is written is read again, as one line of printable ASCII, members by their names")
    func roundTrip() throws {
        let value = JSONValue(sorting: [
            "text": .string("a\"\\\n\r\t\0\u{7f}ä🔑\u{2028}"), "list": [.null, true, false],
            "numbers": [.integer(.min), 0, .integer(.max)], "empty": [:], "none": [],
        ])
        #expect(value.line.utf8.allSatisfy { (0x20..<0x7f).contains($0) })
        #expect(value.line.hasPrefix(#"{"empty":{},"list":[null,true,false],"none":[],"#))
        #expect(try JSONValue.answer(Array(value.line.utf8)) == value)
    }

    @Test(
        "a plugin's answer has whole numbers, and a depth of 8",
        arguments: ["1.0", "1e3", "9223372036854775808", "[[[[[[[[1]]]]]]]]"])
    func refused(_ text: String) {
        #expect(throws: JSONReader.Failure.self) { try JSONValue.answer(Array(text.utf8)) }
    }

    @Test("bytes in a plugin's line have one spelling in base64")
    func base64() {
        #expect(JSONValue.string("AAE=").base64 == [0, 1])
        #expect(JSONValue.string("").base64 == [])
        for wrong in ["AAE", "AB==", "A", "AA E=", "AAE=\n", "_-8=", "AAE=="] {
            #expect(JSONValue.string(wrong).base64 == nil, "\(wrong)")
        }
    }
}
