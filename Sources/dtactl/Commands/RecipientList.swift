import DTASystem

/// The recipients of a command line, including those in the files that it names.
enum RecipientList {
    /// The largest file of recipients: ten times what 1,000 CIDs need.
    private static let fileLimit = 1 << 20

    /// - Parameter arguments: names, CIDs, and `@FILE` for files with one of these a line; blank lines, and text after
    ///   a #, are ignored.
    static func read(_ arguments: [String]) throws -> [String] {
        try arguments.flatMap { argument in
            guard argument.hasPrefix("@") else { return [argument] }
            let path = String(argument.dropFirst())
            let bytes = try InputFile(path).all(limit: fileLimit)
            guard let text = String(validating: bytes, as: UTF8.self) else {
                throw Failure.failed(.invalidArgument, "\(path) is no text: it should name one recipient a line")
            }
            let names = lines(text)
            guard !names.isEmpty else { throw Failure.failed(.invalidArgument, "\(path) names no recipient") }
            return names
        }
    }

    static func lines(_ text: String) -> [String] {
        text.split(whereSeparator: \.isNewline).compactMap { line in
            let words = line.prefix { $0 != "#" }.split(whereSeparator: \.isWhitespace)
            return words.isEmpty ? nil : words.joined(separator: " ")
        }
    }
}
