import DTASystem

/// A pattern of names: `*` matches any number of characters, `?` matches one; others match themselves.
package struct Glob: Sendable, Equatable {
    let text: String
    private let pattern: [UInt8]

    /// - Throws: `DTAError.invalidArgument` if no name could match.
    package init(_ text: String) throws {
        let pattern = Array(text.utf8)
        guard !pattern.isEmpty, pattern.count <= 128,
            pattern.allSatisfy({ $0 == star || $0 == question || isNameByte($0) })
        else {
            throw DTAError(
                .invalidArgument,
                "the pattern \(quoted(text)) can match no name: names are made of a-z A-Z 0-9 . _ -, and * and ? stand "
                    + "for others")
        }
        self.text = text
        self.pattern = pattern
    }

    /// Goes back to the last `*` only, so it takes at most pattern × name steps.
    package func matches(_ name: String) -> Bool {
        let name = Array(name.utf8)
        var at = 0
        var next = 0
        var lastStar: (pattern: Int, name: Int)?
        while next < name.count {
            if at < pattern.count, pattern[at] == star {
                lastStar = (at, next)
                at += 1
            } else if at < pattern.count, pattern[at] == question || pattern[at] == name[next] {
                at += 1
                next += 1
            } else if let back = lastStar {
                lastStar = (back.pattern, back.name + 1)
                at = back.pattern + 1
                next = back.name + 1
            } else {
                return false
            }
        }
        return pattern[at...].allSatisfy { $0 == star }
    }
}

private let star = UInt8(ascii: "*")
private let question = UInt8(ascii: "?")

/// Whether a byte may stand in the name of a key or an identity.
func isNameByte(_ byte: UInt8) -> Bool {
    isNameStart(byte) || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
}

/// Whether a byte may begin the name of a key or an identity.
func isNameStart(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"):
        true
    default: false
    }
}
