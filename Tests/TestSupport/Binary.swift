import Foundation

/// The project's programs, which are built beside the tests.
public enum Binary {
    /// The path of a program; it exists, or this throws.
    public static func path(_ name: String) throws -> String {
        let path = try directory() + "/" + name
        guard access(path, X_OK) == 0 else { throw TestFailure("\(path) is not built") }
        return path
    }

    /// The folder of the build.
    public static func directory() throws -> String {
        let executable = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        return String(executable.prefix(upTo: executable.lastIndex(of: "/") ?? executable.startIndex))
    }
}
