import DTASystem
import Testing

@Suite("Text from elsewhere")
struct ForeignTextTests {
    /// One of each kind that is hostile: controls, direction, joiners, separators, private use, unassigned.
    static let hostile: [Unicode.Scalar] = [
        "\u{0}", "\n", "\u{1b}", "\u{7f}", "\u{9b}", "\u{202e}", "\u{2066}", "\u{200d}", "\u{feff}", "\u{2028}",
        "\u{2029}",
        "\u{e000}", "\u{10fffd}", "\u{378}", "\u{e0041}",
    ]

    @Test("no form shows a character that a terminal obeys, that hides or moves others, or that nobody knows")
    func rule() {
        for scalar in Self.hostile {
            let text = "a\(scalar)b"
            for shown in [ForeignText.escaped(text), ForeignText.quoted(text), ForeignText.line(text)] {
                #expect(!shown.unicodeScalars.contains(scalar), "\(scalar.value)")
            }
        }
        #expect(ForeignText.escaped("a\u{1b}[2Jb\u{202e}") == "a\\u{1b}[2Jb\\u{202e}")
        #expect(ForeignText.escaped("a\nb\tc\u{7}", keeping: ["\n", "\t"]) == "a\nb\tc\\u{7}")
        #expect(ForeignText.escaped(NativeText.text([0x61, 0xff])) == "a\\xff")
        #expect(ForeignText.line(" one\r\n two\u{202e} \u{a0}three ") == "one two three")
    }

    @Test("letters, marks and symbols of all scripts are shown as they are")
    func plain() {
        for text in ["", "Zoë", "日本語", "e\u{301}", "€ 5 × ½", "🔑", "a b"] {
            #expect(ForeignText.escaped(text) == text && ForeignText.quoted(text) == "\"\(text)\"")
        }
    }

    @Test("what is too long is cut, and says so")
    func cut() {
        #expect(
            ForeignText.quoted(String(repeating: "é", count: 80)) == "\"" + String(repeating: "é", count: 80) + "\"")
        #expect(
            ForeignText.quoted(String(repeating: "x", count: 81)) == "\"" + String(repeating: "x", count: 80) + "…\"")
        #expect(ForeignText.quoted("abcd", limit: 3) == "\"abc…\"")
        #expect(ForeignText.line(String(repeating: "x", count: 301)).count == 301)
    }
}
