import ArgumentParser

/// Checks the words that name a command before the arguments are parsed: for a wrong word, the error suggests the right
/// one, and does not list all arguments.
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

    /// The name that a mistyped word means: at most two letters replaced, missing, added or swapped; nil if there is
    /// none.
    static func nearest(to word: String, among names: [String]) -> String? {
        let near = names.map { ($0, distance(Array(word), Array($0))) }.filter { $0.1 <= min(2, word.count / 2) }
        return near.min { $0.1 < $1.1 }?.0
    }

    /// How many letters must be inserted, deleted, replaced, or swapped with a neighbour.
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
