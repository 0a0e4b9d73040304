import DTASystem
import Yams

/// A configuration file, whose keys are still to be read.
public struct ConfigurationFile {
    /// Its absolute path.
    public let path: String
    /// The keys at its top.
    public var top: Section

    /// Reads a YAML file of less than 1 MiB.
    /// - Parameter reference: where its keys are explained, for an error about a misspelt one.
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

    /// What a path in the file means: relative to the file's own directory.
    public func absolute(_ path: String?) -> String? { path.map { $0.hasPrefix("/") ? $0 : "\(directory)/\($0)" } }

    /// The folder that it lies in.
    public var directory: String { String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)]) }
}
