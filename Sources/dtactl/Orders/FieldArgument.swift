import ArgumentParser
import DTASystem

/// `NAME=VALUE` for a plugin. `NAME=@FILE` takes the value from a file, `NAME=@-` from standard input, without the last
/// line end: other users of the host can read a command line. `NAME=@@…` is a value that begins with @.
struct FieldArgument {
    /// The most bytes of all fields in a part of an order.
    private static let limit = 64 << 10

    let name: String
    private let text: String

    /// - Throws: `ValidationError` if it is not of that form.
    init(_ argument: String) throws {
        guard let sign = argument.firstIndex(of: "="), sign != argument.startIndex else {
            throw ValidationError("--field is NAME=VALUE or NAME=@FILE, and \(argument) is not.")
        }
        name = String(argument[..<sign])
        text = String(argument[argument.index(after: sign)...])
        if text.hasPrefix("@"), !text.hasPrefix("@@") { _ = FileName.argument(text) }
        if text == "@" { throw ValidationError("--field \(name)=@ lacks the file's name.") }
    }

    /// - Throws: `Failure` if the file cannot be read, or is not text.
    var value: String {
        get throws {
            guard text.hasPrefix("@") else { return text }
            guard !text.hasPrefix("@@") else { return String(text.dropFirst()) }
            let file = try InputFile(String(text.dropFirst()))
            var bytes = try file.all(limit: FieldArgument.limit)
            if bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
            guard let value = String(validating: bytes, as: UTF8.self) else {
                throw Failure.failed(
                    .invalidArgument, "\(file.name) is no UTF-8 text, and the field \(name) takes text")
            }
            return value
        }
    }
}
