import ArgumentParser
import DTABytes
import DTASystem

/// The output of bytes. One rule for all commands: into files and pipes raw; on a terminal text as text, a few bytes as
/// hexadecimal digits with a note, many bytes not at all.
struct BinaryOutput: ParsableArguments {
    @Option(
        name: [.long, .customShort("o")],
        help: ArgumentHelp("Write to a file (mode 0600, replaced whole); - is standard output.", valueName: "file"),
        completion: .file(),
        transform: FileName.argument)
    var out: String?

    /// The most bytes that are shown as digits.
    private static let shown = 4096

    /// - Parameters:
    ///   - what: for people, such as `signature`.
    ///   - mayBeText: whether a terminal shows the bytes as text if they are text.
    ///   - json: nil, or the other members of what `--json` answers; the bytes are then its member `member`.
    func put(_ bytes: [UInt8], what: String, mayBeText: Bool = false, member: String, json: [(String, JSON)]?) throws {
        try put(bytes.span, what: what, mayBeText: mayBeText, member: member, json: json)
    }

    /// The same for a secret.
    func put(
        _ secret: borrowing Secret, what: String, mayBeText: Bool = false, member: String, json: [(String, JSON)]?
    ) throws {
        try secret.withBytes { try put($0, what: what, mayBeText: mayBeText, member: member, json: json) }
    }

    private func put(
        _ bytes: Span<UInt8>, what: String, mayBeText: Bool, member: String, json: [(String, JSON)]?
    ) throws {
        if let out, out != "-" {
            try OutputFile.write(bytes, to: out)
            if let json {
                try JSON.object(
                    json + [("out", .string(NativeText.shown(out))), ("size", .number(Int64(bytes.count)))]
                ).show()
            } else {
                StandardError.note("\(out): \(what), \(HumanUnits.size(UInt64(bytes.count)))")
            }
        } else if let json {
            try JSON.object(json + [(member, .bytes(Array(copying: bytes)))]).show()
        } else if Terminal.output.isTerminal, out == nil {
            try show(bytes, what, mayBeText)
        } else {
            try StandardOutput.write(bytes)
        }
    }

    private func show(_ bytes: Span<UInt8>, _ what: String, _ mayBeText: Bool) throws {
        if mayBeText, let text = String(validating: Array(copying: bytes), as: UTF8.self), SafeText.lines(text) == text
        {
            try StandardOutput.write(bytes)
            if !bytes.isEmpty, bytes[bytes.count - 1] != UInt8(ascii: "\n") { try StandardOutput.line("") }
        } else if bytes.count <= BinaryOutput.shown {
            try StandardOutput.line(Hexadecimal.encode(Array(copying: bytes)))
            StandardError.note("\(what), \(bytes.count) bytes, shown in hexadecimal; a file or a pipe gets them raw")
        } else {
            throw Failure.usage(
                "\(what) of \(HumanUnits.size(UInt64(bytes.count))) is binary: it is not written to a terminal",
                hint: "write it to a file with --out FILE, or insist with --out -")
        }
    }
}
