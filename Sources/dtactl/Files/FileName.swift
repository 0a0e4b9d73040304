import ArgumentParser
import DTASystem

/// Names of files are bytes. An argument that names a file is taken as it is; any other must be text, or is refused.
enum FileName {
    /// For `transform:` of options and arguments that name a file.
    static func argument(_ text: String) -> String {
        if !NativeText.isText(text) { taken.withLock { $0.append(text) } }
        return text
    }

    /// The arguments that were taken as file names and are not text.
    private static let taken = Locked<[String]>([])

    /// - Throws: `Failure` of usage for an argument that is not text and is not taken as a file name: converted to
    ///   text, it would be a different word.
    static func check(_ arguments: [String]) throws {
        let names = taken.withLock { $0 }
        for argument in arguments where !NativeText.isText(argument) {
            guard !names.contains(where: argument.hasSuffix) else { continue }
            throw Failure.usage(
                "the argument \(argument) is not UTF-8", hint: "names of files may be any bytes, all else is text")
        }
    }
}
