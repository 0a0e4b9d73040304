/// Patterns of OpenSSH (ssh_config(5)): `*` is any number of characters, `?` is one; others are themselves.
public enum SSHPattern {
    /// It goes back to the last `*` only, so it takes at most pattern × text steps.
    public static func matches(_ text: String, _ pattern: String) -> Bool {
        let (text, pattern) = (Array(text.utf8), Array(pattern.utf8))
        var (at, next) = (0, 0)
        var lastStar: (pattern: Int, text: Int)?
        while next < text.count {
            if at < pattern.count, pattern[at] == UInt8(ascii: "*") {
                lastStar = (at, next)
                at += 1
            } else if at < pattern.count, pattern[at] == UInt8(ascii: "?") || pattern[at] == text[next] {
                at += 1
                next += 1
            } else if let back = lastStar {
                lastStar = (back.pattern, back.text + 1)
                at = back.pattern + 1
                next = back.text + 1
            } else {
                return false
            }
        }
        return pattern[at...].allSatisfy { $0 == UInt8(ascii: "*") }
    }
}
