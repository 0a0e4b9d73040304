import ArgumentParser

/// Looks at the words that name a command before the arguments are parsed: a wrong one is told with what was meant, and
/// not with all the arguments behind it.
enum CommandNames {
    /// - Throws: `Failure` of usage if the first word, or the second of a command of two, names no command.
    static func check(_ arguments: [String]) throws {
        var command: any ParsableCommand.Type = Dtactl.self
        var path = "dtactl"
        for word in arguments.prefix(3) {
            let names = command.configuration.subcommands.map { $0._commandName }
            guard !names.isEmpty, !word.hasPrefix("-"), word != "help" else { return }
            guard let next = command.configuration.subcommands.first(where: { $0._commandName == word }) else {
                let meant = nearest(to: word, among: names).map { "did you mean \(path) \($0)? " } ?? ""
                throw Failure.usage(
                    "there is no command \(path) \(word)",
                    hint: "\(meant)There are: \(names.joined(separator: ", ")); \(path) --help tells of them")
            }
            command = next
            path += " \(word)"
        }
    }

    /// The name that is meant by a mistyped one: at most two letters other, missing, too many or exchanged; nil if none
    /// is.
    static func nearest(to word: String, among names: [String]) -> String? {
        let near = names.map { ($0, distance(Array(word), Array($0))) }.filter { $0.1 <= min(2, word.count / 2) }
        return near.min { $0.1 < $1.1 }?.0
    }

    /// How many letters have to be put in, taken out, replaced or exchanged with their neighbour.
    private static func distance(_ one: [Character], _ other: [Character]) -> Int {
        guard one.count <= 64, other.count <= 64 else { return .max }
        var rows = [Array(0...other.count)]
        for i in 0..<one.count {
            var row = [i + 1]
            for j in 0..<other.count {
                var best = min(rows[i][j + 1] + 1, row[j] + 1, rows[i][j] + (one[i] == other[j] ? 0 : 1))
                if i > 0, j > 0, one[i] == other[j - 1], one[i - 1] == other[j] {
                    best = min(best, rows[i - 1][j - 1] + 1)
                }
                row.append(best)
            }
            rows.append(row)
        }
        return rows[one.count][other.count]
    }
}
