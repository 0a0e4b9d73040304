import Foundation
import TestSupport

/// A text script: commands, one a line, then the files that they use, each behind a line `-- name --`.
///
///     # What this shows.
///     exec dtactl status          # must exit with 0; standard input is the file `stdin`, if there is one
///     exit 3 dtactl status        # must exit with 3
///     stdout 'a regular expression'
///     ! stderr .                  # nothing was said
///     stdout-to FILE              # keeps the last output
///     env NAME=value              # $NAME and ${NAME} are replaced in later lines
///     capture NAME                # the last output, without its line end, becomes $NAME
///     cmp ONE OTHER               # the same bytes; `stdout` is the last output
///     exists FILE / ! exists FILE
///     mode 600 FILE
///     stdin FILE                  # for the next command alone
///     sh 'a shell command line'   # must exit with 0
///     -- FILE --
///     its lines
struct Script {
    struct Line {
        var number: Int
        var words: [String]
        var text: String
    }

    let name: String
    var lines: [Line] = []
    var files: [(name: String, text: String)] = []

    init(name: String, text: String) throws {
        self.name = name
        for (index, raw) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            if raw.hasPrefix("-- "), raw.hasSuffix(" --") {
                files.append((String(raw.dropFirst(3).dropLast(3)), ""))
            } else if let last = files.indices.last {
                files[last].text += raw + "\n"
            } else {
                let words = try Script.words(String(raw), at: "\(name):\(index + 1)")
                if !words.isEmpty { lines.append(Line(number: index + 1, words: words, text: String(raw))) }
            }
        }
        // The text's own last line end is not one of the last file's.
        if let last = files.indices.last, files[last].text.hasSuffix("\n\n") { files[last].text.removeLast() }
    }

    /// Words are parted by blanks; 'quotes' keep blanks, '' inside them is a quote; # begins a comment.
    private static func words(_ line: String, at place: String) throws -> [String] {
        var words: [String] = []
        var word: String?
        var quoted = false
        var rest = line[...]
        while let character = rest.popFirst() {
            if character == "'" {
                if quoted, rest.first == "'" {
                    word?.append(rest.removeFirst())
                } else {
                    quoted.toggle()
                    word = word ?? ""
                }
            } else if !quoted, character == " " || character == "\t" {
                if let done = word { words.append(done) }
                word = nil
            } else if !quoted, character == "#", word == nil {
                break
            } else {
                word = (word ?? "") + String(character)
            }
        }
        if quoted { throw TestFailure("\(place): a quote is not closed") }
        if let word { words.append(word) }
        return words
    }
}
