import DTABytes
import DTAFormats
import DTAJSON

/// Reads the members of a plugin's result, one by one; members that are left are an error.
struct PluginResultReader {
    private var members: [String: JSONValue]
    private let what: String

    init(_ members: [String: JSONValue], _ what: String) {
        self.members = members
        self.what = what
    }

    mutating func take(_ name: String) -> JSONValue? { members.removeValue(forKey: name) }

    mutating func text(_ name: String, atMost limit: Int = PluginAnswer.sentenceLimit) throws(PluginFailure) -> String {
        guard let text = take(name)?.string, !text.isEmpty, text.utf8.count <= limit, PluginAnswer.isPrintable(text)
        else {
            throw .lies("\(what) has no \"\(name)\" that is a printable text of up to \(limit) bytes")
        }
        return text
    }

    /// - Parameter default: the value if it is absent; nil: it must be there.
    mutating func bytes(
        _ name: String, _ range: ClosedRange<Int>, default: [UInt8]? = nil
    ) throws(PluginFailure) -> [UInt8] {
        guard let value = take(name) else {
            if let `default` { return `default` }
            throw .lies("\(what) has no \"\(name)\"")
        }
        guard let bytes = value.base64, range.contains(bytes.count) else {
            throw .lies("\(what)'s \"\(name)\" is not base64 of \(range.lowerBound) to \(range.upperBound) bytes")
        }
        return bytes
    }

    /// Empty if it is absent.
    mutating func secret(_ name: String, atMost limit: Int) throws(PluginFailure) -> SecretReference {
        var bytes = try bytes(name, 0...limit, default: [])
        return SecretReference(Secret(taking: &bytes))
    }

    mutating func choice<Choice: RawRepresentable & CaseIterable>(_ name: String, _: Choice.Type) throws(PluginFailure)
        -> Choice where Choice.RawValue == String
    {
        guard let choice = take(name)?.string.flatMap(Choice.init(rawValue:)) else {
            let all = Choice.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
            throw .lies("\(what) has no \"\(name)\" that is one of \(all)")
        }
        return choice
    }

    mutating func fields(_ name: String) throws(PluginFailure) -> [String: OrderFieldValue] {
        guard let value = take(name) else { return [:] }
        guard let members = value.dictionary else { throw .lies("\(what)'s \"\(name)\" is not an object") }
        var fields: [String: OrderFieldValue] = [:]
        for (key, value) in members {
            guard PluginField.isName(key), let field = OrderFieldValue(value) else {
                throw .lies(
                    "\(what) has a field \"\(PluginAnswer.harmless(key, 40))\" that is no text, whole number or base64")
            }
            fields[key] = field
        }
        do { return try OrderFields(fields).values } catch {
            throw .lies("\(what) has fields that an order cannot have")
        }
    }

    func finish() throws(PluginFailure) { try PluginAnswer.finish(members, what) }
}

extension OrderFieldValue {
    /// As a plugin writes it.
    fileprivate init?(_ value: JSONValue) {
        switch value {
        case .string(let text): self = .text(text)
        case .integer(let number): self = .integer(number)
        case .object(let members):
            guard members.count == 1, let bytes = value["base64"]?.base64 else { return nil }
            self = .bytes(bytes)
        default: return nil
        }
    }
}

extension PluginCommitment {
    /// The longest commitment and proof.
    static let limit = 1024
    /// The longest state.
    static let stateLimit = 64 << 10

    init(_ result: [String: JSONValue], keeps: PluginKeeper) throws(PluginFailure) {
        var reader = PluginResultReader(result, "its commitment")
        switch keeps {
        case .plugin:
            self.init(
                commitment: try reader.bytes("commitment", 1...Self.limit),
                proof: try reader.bytes("proof", 0...Self.limit, default: []), fields: try reader.fields("fields"),
                state: try reader.secret("state", atMost: Self.stateLimit))
        case .agent:
            self.init(fields: try reader.fields("fields"))
        }
        try reader.finish()
    }
}

/// A plugin's description of itself.
struct PluginDescription: Equatable {
    let type: PluginType
    let summary: String
    let keeps: PluginKeeper
    let fields: [PluginField]

    init(_ result: [String: JSONValue]) throws(PluginFailure) {
        var reader = PluginResultReader(result, "its hello")
        guard let type = PluginType(try reader.text("type", atMost: 32)) else {
            throw .lies("its hello has a \"type\" that is no plugin's name")
        }
        self.type = type
        summary = try reader.text("summary")
        keeps = try reader.choice("keeps", PluginKeeper.self)
        guard case .array(let list)? = reader.take("fields"), list.count <= OrderFields.limit else {
            throw .lies("its hello has no \"fields\", a list of up to \(OrderFields.limit)")
        }
        var fields: [PluginField] = []
        for item in list {
            let field = try PluginField(item)
            guard !fields.contains(where: { $0.name == field.name }) else {
                throw .lies("its hello has the field \"\(field.name)\" twice")
            }
            fields.append(field)
        }
        self.fields = fields
        try reader.finish()
    }
}

extension PluginField {
    static func isName(_ name: String) -> Bool {
        (1...OrderFields.nameLimit).contains(name.utf8.count)
            && name.utf8.allSatisfy {
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || $0 == UInt8(ascii: "-")
                    || $0 == UInt8(ascii: "_")
            }
    }

    fileprivate init(_ value: JSONValue) throws(PluginFailure) {
        guard let members = value.dictionary else { throw .lies("a field of its hello is not an object") }
        var reader = PluginResultReader(members, "a field of its hello")
        let name = try reader.text("name", atMost: OrderFields.nameLimit)
        guard PluginField.isName(name) else {
            throw .lies("a field of its hello has a name beyond a-z, 0-9, - and _")
        }
        guard case .bool(let isRequired)? = reader.take("required") else {
            throw .lies("the field \"\(name)\" of its hello has no \"required\", which is true or false")
        }
        let isSecret = reader.take("secret") ?? false
        guard case .bool(let isSecret) = isSecret else {
            throw .lies("the field \"\(name)\" of its hello has a \"secret\" that is neither true nor false")
        }
        self.init(
            name, try reader.choice("kind", Kind.self), required: isRequired, secret: isSecret,
            try reader.text("explanation"))
        try reader.finish()
    }
}
