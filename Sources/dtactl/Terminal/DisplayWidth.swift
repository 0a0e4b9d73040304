/// How many columns a text takes, and how it is cut to fit.
enum DisplayWidth {
    static func of(_ text: String) -> Int { text.reduce(0) { $0 + of($1) } }

    /// East Asian wide characters and emoji take two columns (UAX #11, in the ranges that matter).
    private static func of(_ character: Character) -> Int {
        guard let scalar = character.unicodeScalars.first else { return 0 }
        switch scalar.value {
        case 0..<0x1100: return 1
        case 0x1100...0x115f, 0x2e80...0x303e, 0x3041...0xa4cf, 0xac00...0xd7a3, 0xf900...0xfaff, 0xfe30...0xfe6f,
            0xff00...0xff60, 0xffe0...0xffe6, 0x1f300...0x1faff, 0x20000...0x3fffd:
            return 2
        default: return 1
        }
    }

    enum Cut { case end, middle }

    /// `text` in at most `width` columns, with … in place of what was cut.
    static func fit(_ text: String, to width: Int, cut: Cut) -> String {
        guard of(text) > width else { return text }
        guard width > 1 else { return width == 1 ? "…" : "" }
        switch cut {
        case .end: return prefix(text, width - 1) + "…"
        case .middle:
            let head = (width - 1 + 1) / 2
            let tail = String(prefix(String(text.reversed()), width - 1 - head).reversed())
            return prefix(text, head) + "…" + tail
        }
    }

    /// Lines of at most `width` columns, broken between words if possible; nil: one line.
    static func fold(_ text: String, to width: Int?) -> [String] {
        guard let width, width > 0 else { return [text] }
        var lines: [String] = []
        var line = ""
        for word in text.split(separator: " ", omittingEmptySubsequences: false) {
            var rest = String(word)
            if !line.isEmpty, of(line) + 1 + of(rest) > width {
                lines.append(line)
                line = ""
            }
            line += line.isEmpty ? "" : " "
            // A word that is longer than a line, such as a CID.
            while of(line) + of(rest) > width {
                let head = prefix(rest, width - of(line))
                guard !head.isEmpty else { break }
                lines.append(line + head)
                rest = String(rest.dropFirst(head.count))
                line = ""
            }
            line += rest
        }
        return lines + [line]
    }

    private static func prefix(_ text: String, _ width: Int) -> String {
        var used = 0
        return String(
            text.prefix { character in
                used += of(character)
                return used <= width
            })
    }
}
