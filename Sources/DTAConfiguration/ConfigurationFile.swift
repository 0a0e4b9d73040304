import DTASystem
import Yams

/// A configuration file, whose keys are not read yet.
public struct ConfigurationFile {
    /// Its absolute path.
    public let path: String
    /// The keys at its top.
    public var top: Section

    /// Reads a YAML file of less than 1 MiB.
    /// - Parameter reference: the page that explains its keys, for an error about a misspelt one.
    /// - Throws: `DTAError` if it cannot be read or is no mapping.
    public init(_ path: String, reference: String) throws {
        let path = try absolutePath(path)
        try self.init(text: readText(path), path: path, reference: reference)
    }

    init(text: String, path: String, reference: String) throws {
        self.path = path
        do {
            top = try Section(try Yams.compose(yaml: text), name: "", file: path, reference: reference)
        } catch let error as YamlError {
            throw DTAError(.invalidArgument, "\(path) is not proper YAML: \(error)")
        }
    }

    /// The absolute path for a path in the file, which is relative to the file's own directory.
    public func absolute(_ path: String?) -> String? { path.map { $0.hasPrefix("/") ? $0 : "\(directory)/\($0)" } }

    /// Its folder.
    public var directory: String { String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)]) }
}
