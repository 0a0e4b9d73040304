import DTABytes
import DTAFormats
import DTAJSON
import DTASystem

/// A plugin that is a program: docs/plugins.md. A call always ends within its time limit, and the plugin's faults are
/// `DTAError`s that name it.
public struct ExternalPlugin: OrderPlugin {
    public let type: PluginType
    public let summary: String
    public let keeps: PluginKeeper
    public let fields: [PluginField]
    private let line: PluginLine

    /// Calls the hook `hello`.
    /// - Parameters: `type`: that of its file's name; `log`: gets the plugin's words on standard error, one line.
    /// - Throws: `DTAError`, also if it answers another type.
    public init(
        _ type: PluginType, _ transport: PluginTransport, _ limits: PluginLimits,
        log: @escaping @Sendable (String) -> Void = { _ in }
    ) throws {
        line = PluginLine(type: type.name, transport: transport, limits: limits, log: log)
        let found = try line.ask(.hello) { result throws(PluginFailure) in try PluginDescription(result) }
        guard found.type == type else {
            throw PluginFailure.lies("it calls itself \"\(found.type)\"").error(type.name)
        }
        self.type = type
        summary = found.summary
        keeps = found.keeps
        fields = found.fields
    }

    public func validate(_ order: PluginOrder) throws {
        try check(order)
        try line.ask(.validate(order), nothing)
    }

    public func commit(_ order: PluginOrder) throws -> PluginCommitment? {
        let keeps = keeps
        return try line.ask(.commit(order)) { result throws(PluginFailure) in
            try PluginCommitment(result, keeps: keeps)
        }
    }

    public func prepare(_ order: PluginOrder, _ redemption: PluginRedemption) throws {
        try line.ask(.prepare(order, redemption), nothing)
    }

    public func release(
        _ order: PluginOrder, _ redemption: PluginRedemption, state: SecretReference
    ) throws -> [String: OrderFieldValue] {
        guard keeps == .plugin else {
            throw DTAError(.failedPrecondition, "the plugin \(type) has no secret to release: the agent keeps it")
        }
        return try line.ask(.release(order, redemption, state: state)) { result throws(PluginFailure) in
            var reader = PluginResultReader(result, "its release")
            let fields = try reader.fields("fields")
            guard !fields.isEmpty else { throw .lies("its release has no \"fields\"") }
            try reader.finish()
            return fields
        }
    }

    private func nothing(_ result: [String: JSONValue]) throws(PluginFailure) {
        try PluginAnswer.finish(result, "its result")
    }
}

extension OrderPlugin {
    /// Whether an order has the fields that this plugin declares, and no others.
    /// - Throws: `DTAError` that names the field.
    public func check(_ order: PluginOrder) throws {
        func refuse(_ reason: String) -> DTAError {
            let list = fields.map { $0.isRequired ? $0.name : $0.name + "?" }.joined(separator: ", ")
            return DTAError(
                .invalidArgument, "an order of type \(type) \(reason)",
                hint: fields.isEmpty ? "it takes no fields" : "it takes \(list)")
        }
        for field in fields {
            switch (order.fields[field.name], field.kind) {
            case (nil, _): if field.isRequired { throw refuse("needs the field \(field.name): \(field.explanation)") }
            case (.text, .text), (.bytes, .bytes), (.integer, .integer): break
            default: throw refuse("has a field \(field.name) that is not \(field.kind.rawValue)")
            }
        }
        let known = Set(fields.map(\.name))
        if let unknown = order.fields.keys.filter({ !known.contains($0) }).min() {
            throw refuse("has no field \(PluginAnswer.harmless(unknown, 40))")
        }
    }
}
