import DTASystem
import Yams

/// One mapping of a configuration file, read key by key. A key that was not read when it is finished is an error that
/// names the key and its line: a misspelt option must not go unnoticed.
public struct Section {
    private let name: String
    private let file: String
    /// The page that explains the keys.
    private let reference: String
    private var entries: [(key: String, line: Int, value: Node)] = []

    /// - Parameter node: nil or null for a section that is absent.
    init(_ node: Node?, name: String, file: String, reference: String = "docs/configuration.md") throws {
        self.name = name
        self.file = file
        self.reference = reference
        guard let node, node != Node("null", Tag(.null)), node.scalar?.string != "" else { return }
        guard let mapping = node.mapping else {
            throw DTAError(
                .invalidArgument,
                "\(file):\(node.mark?.line ?? 1): \(name.isEmpty ? "the file" : name) must be a mapping of keys to values"
            )
        }
        for (key, value) in mapping {
            let line = key.mark?.line ?? 1
            guard let text = key.string else {
                throw DTAError(.invalidArgument, "\(file):\(line): a key must be a plain word")
            }
            guard !entries.contains(where: { $0.key == text }) else {
                throw DTAError(.invalidArgument, "\(file):\(line): \(path(text)) stands here twice")
            }
            entries.append((text, line, value))
        }
    }

    private func path(_ key: String) -> String { name.isEmpty ? key : "\(name).\(key)" }

    private mutating func take(_ key: String) -> (line: Int, value: Node)? {
        guard let index = entries.firstIndex(where: { $0.key == key }) else { return nil }
        let entry = entries.remove(at: index)
        return (entry.line, entry.value)
    }

    private func wrong(_ key: String, _ line: Int, _ expected: String) -> DTAError {
        DTAError(.invalidArgument, "\(file):\(line): \(path(key)) must be \(expected)")
    }

    /// A text; nil if the key is absent.
    public mutating func string(_ key: String) throws -> String? {
        guard let (line, value) = take(key) else { return nil }
        guard let text = value.scalar?.string, !text.isEmpty else { throw wrong(key, line, "a text") }
        return text
    }

    /// The absolute path of a Unix socket; nil if the key is absent.
    /// - Throws: also if the path is longer than the kernel takes.
    public mutating func socketPath(_ key: String, _ absolute: (String?) -> String?) throws -> String? {
        let line = entries.first { $0.key == key }?.line ?? 1
        guard let path = absolute(try string(key)) else { return nil }
        if let fault = UnixSocket.fault(of: path) {
            throw DTAError(.invalidArgument, "\(file):\(line): \(self.path(key)) \(fault)")
        }
        return path
    }

    /// True or false; nil if the key is absent.
    public mutating func bool(_ key: String) throws -> Bool? {
        guard let (line, value) = take(key) else { return nil }
        guard let answer = value.bool else { throw wrong(key, line, "true or false") }
        return answer
    }

    /// A whole number in `range`; nil if the key is absent.
    public mutating func int(_ key: String, in range: ClosedRange<Int>) throws -> Int? {
        guard let (line, value) = take(key) else { return nil }
        guard let number = value.int, range.contains(number) else {
            throw wrong(key, line, "a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// One of the choices; nil if the key is absent.
    public mutating func choice<Choice: RawRepresentable & CaseIterable>(_ key: String, _: Choice.Type) throws
        -> Choice?
    where Choice.RawValue == String {
        guard let (line, value) = take(key) else { return nil }
        guard let text = value.scalar?.string, let choice = Choice(rawValue: text) else {
            throw wrong(key, line, "one of " + Choice.allCases.map(\.rawValue).joined(separator: ", "))
        }
        return choice
    }

    /// A list of texts; nil if the key is absent.
    public mutating func strings(_ key: String) throws -> [String]? {
        guard let (line, value) = take(key) else { return nil }
        guard let sequence = value.sequence else { throw wrong(key, line, "a list of texts") }
        return try sequence.map { item in
            guard let text = item.scalar?.string, !text.isEmpty else {
                throw wrong(key, item.mark?.line ?? line, "a list of texts")
            }
            return text
        }
    }

    /// Texts by names of the user's choice, in their order; none if the key is absent.
    public mutating func pairs(_ key: String) throws -> [(name: String, value: String)] {
        var section = try section(key)
        return try section.entries.map(\.key).map { name in
            guard let value = try section.string(name) else { throw wrong(name, 1, "a text") }
            return (name, value)
        }
    }

    /// The section below a key; an empty one if it is absent.
    public mutating func section(_ key: String) throws -> Section {
        try Section(take(key)?.value, name: path(key), file: file, reference: reference)
    }

    /// A section whose presence means something; nil if it is absent.
    public mutating func optionalSection(_ key: String) throws -> Section? {
        has(key) ? try section(key) : nil
    }

    func has(_ key: String) -> Bool { entries.contains { $0.key == key } }

    /// The sections of a list of mappings, each with the line on which it starts.
    public mutating func sections(_ key: String) throws -> [(line: Int, section: Section)] {
        guard let (line, value) = take(key) else { return [] }
        if value == Node("null", Tag(.null)) || value.scalar?.string == "" { return [] }
        guard let sequence = value.sequence else { throw wrong(key, line, "a list") }
        return try sequence.enumerated().map { index, item in
            (
                item.mark?.line ?? line,
                try Section(item, name: "\(path(key))[\(index)]", file: file, reference: reference)
            )
        }
    }

    /// - Throws: for a key that was not read.
    public func finish() throws {
        guard let unknown = entries.min(by: { $0.line < $1.line }) else { return }
        throw DTAError(
            .invalidArgument, "\(file):\(unknown.line): unknown key \(path(unknown.key))",
            hint: "\(reference) lists the keys")
    }
}
