import Glibc

/// Text for file names and arguments, which are bytes to the kernel, and mostly UTF-8. Each byte that is not valid
/// UTF-8 becomes a private scalar, U+10FF80 to U+10FFFF for 80 to FF, and becomes that byte again. Valid text with such
/// scalars is taken byte by byte as well, so that the mapping is unique.
public enum NativeText {
    private static let base: UInt32 = 0x10ff00
    private static let scalars: ClosedRange<UInt32> = 0x10ff80...0x10ffff

    public static func text(_ bytes: [UInt8]) -> String {
        var text = String.UnicodeScalarView()
        var index = 0
        while index < bytes.count {
            let count = length(bytes[index])
            if count > 0, index + count <= bytes.count,
                let scalar = String(validating: bytes[index..<(index + count)], as: UTF8.self)?.unicodeScalars.first,
                !scalars.contains(scalar.value)
            {
                text.append(scalar)
                index += count
            } else {
                if let escape = Unicode.Scalar(base + UInt32(bytes[index])) { text.append(escape) }
                index += 1
            }
        }
        return String(text)
    }

    /// The length of a character by its first byte; 0 if none begins with it.
    private static func length(_ byte: UInt8) -> Int {
        switch byte {
        case 0x00...0x7f: 1
        case 0xc2...0xdf: 2
        case 0xe0...0xef: 3
        case 0xf0...0xf4: 4
        default: 0
        }
    }

    /// The bytes of `text`.
    public static func bytes(_ text: String) -> [UInt8] {
        guard text.unicodeScalars.contains(where: { scalars.contains($0.value) }) else { return Array(text.utf8) }
        return text.unicodeScalars.flatMap { scalar in
            byte(scalar).map { [$0] } ?? Array(String(scalar).utf8)
        }
    }

    /// The byte of a scalar; nil if the scalar is text.
    public static func byte(_ scalar: Unicode.Scalar) -> UInt8? {
        scalars.contains(scalar.value) ? UInt8(scalar.value - base) : nil
    }

    /// Whether all of it is valid text.
    public static func isText(_ text: String) -> Bool { text.unicodeScalars.allSatisfy { byte($0) == nil } }

    /// The same for system calls, ended by a zero byte. A text with a zero in it names no file, so it is passed as "".
    public static func path(_ text: String) -> [CChar] {
        let bytes = bytes(text)
        return (bytes.contains(0) ? [] : bytes).map { CChar(bitPattern: $0) } + [0]
    }

    /// A C string.
    public static func text(cString: UnsafePointer<CChar>) -> String {
        let count = strlen(cString)
        return text(UnsafeBufferPointer(start: cString, count: count).map { UInt8(bitPattern: $0) })
    }

    /// The arguments of this process, its name first.
    public static let arguments: [String] = (0..<Int(CommandLine.argc)).compactMap { index in
        CommandLine.unsafeArgv[index].map { text(cString: $0) }
    }

    /// An argument that is no text, in a printable form; nil if all are text. For programs that take only text.
    public static var unreadableArgument: String? {
        arguments.first { !isText($0) }.map(shown)
    }

    /// The arguments after the process's name, for a program that takes only text.
    /// - Throws: `DTAError.invalidArgument` if one is not.
    public static func readableArguments() throws -> [String] {
        if let argument = unreadableArgument {
            throw DTAError(.invalidArgument, "the argument \(argument) is not UTF-8")
        }
        return Array(arguments.dropFirst())
    }

    /// With each byte that is no text as `\xNN`.
    public static func shown(_ text: String) -> String {
        text.unicodeScalars.reduce(into: "") { shown, scalar in
            if let byte = byte(scalar) {
                shown += "\\x" + String(byte, radix: 16)
            } else {
                shown.unicodeScalars.append(scalar)
            }
        }
    }
}
