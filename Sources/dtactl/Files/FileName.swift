import ArgumentParser
import DTASystem

/// Names of files are bytes. An argument that is one is taken as it is; any other is text, or refused.
enum FileName {
    /// For `transform:` of options and arguments that name a file.
    static func argument(_ text: String) -> String {
        if !NativeText.isText(text) { taken.withLock { $0.append(text) } }
        return text
    }

    /// What was taken as names and is no text.
    private static let taken = Locked<[String]>([])

    /// - Throws: `Failure` of usage for an argument that is no text, and that no option takes as the name of a file: made into
    ///   text, it would be another word than was meant.
    static func check(_ arguments: [String]) throws {
        let names = taken.withLock { $0 }
        for argument in arguments where !NativeText.isText(argument) {
            guard !names.contains(where: argument.hasSuffix) else { continue }
            throw Failure.usage(
                "the argument \(argument) is not UTF-8", hint: "names of files may be any bytes, all else is text")
        }
    }
}
