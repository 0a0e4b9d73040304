import AgentProtocol
import ArgumentParser

struct KeyUnnamedCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "unnamed", abstract: "Show keys on the token that the agent does not know, as an administrator.",
        discussion: """
            They were made after the copy of the agent's state that is in use: an older backup was restored. A newer backup \
            knows their names. If there is none, --name gives a user's key a new one: it belongs to the user whose uid the \
            token has for it, so look whether that is still the same person. Keys of identities and orders cannot get a name.

            --destroy asks first, and cannot be undone.

            Example:
              dtactl key unnamed
              dtactl key unnamed --name release 49cf0d7c5bb0e9d5a1f5c0e7e1c8f2aa
              dtactl key unnamed --destroy 49cf0d7c5bb0e9d5a1f5c0e7e1c8f2aa --yes
            """)

    @Option(help: ArgumentHelp("Give a user's key this name.", valueName: "name"))
    var name: String?

    @Flag(help: "Destroy the key.")
    var destroy = false

    @Argument(help: "The key's object on the token: 32 hexadecimal digits.")
    var object: String?

    @Flag(help: "Do not ask.")
    var yes = false

    @OptionGroup var agent: AgentOptions

    func validate() throws {
        if name != nil, destroy { throw ValidationError("--name or --destroy: one of them.") }
        if (name != nil || destroy) != (object != nil) {
            throw ValidationError("An object is named together with --name or --destroy.")
        }
    }

    func run() throws {
        guard let object else { return try list() }
        if let name {
            let keys = try agent.call(.unnamedKeys(decision: "name", object: object, name: name)).keys
            for key in keys {
                if agent.json {
                    try key.json.show()
                } else {
                    let line = "\(KeyType.name(key.type)) key \(SafeText.line(key.name)) of \(key.ownerText)"
                    try StandardOutput.line("named   \(line)")
                }
            }
            return
        }
        if !yes {
            try Question.requireTerminal()
            try Question.confirm(
                "Destroy the key \(SafeText.line(object)) for ever? A newer backup may know what it is for.",
                word: object)
        }
        _ = try agent.call(.unnamedKeys(decision: "destroy", object: object))
        if agent.json {
            try JSON.object([("object", .string(object)), ("destroyed", .bool(true))]).show()
        } else {
            try StandardOutput.line("destroyed key \(SafeText.line(object))")
        }
    }

    private func list() throws {
        let keys = try agent.call(.unnamedKeys()).keys
        if agent.json { return try JSON.showLines(keys.map(\.unnamedJSON)) }
        guard !keys.isEmpty else { return StandardError.note("the agent knows all keys that are on the token") }
        var table = Table([
            .init(title: "object"), .init(title: "for"), .init(title: "type"), .init(title: "owner", minimum: 8),
        ])
        for key in keys {
            table.add([
                .init(key.object, .bold), .init(key.purpose),
                .init(key.type == .unspecified ? "" : KeyType.name(key.type)), .init(key.ownerText),
            ])
        }
        try table.show()
        if keys.count == 1_000 { StandardError.warn("these are the first 1,000; there may be more") }
    }
}

/// The words of `object_class`.
private enum ObjectClass: String {
    case user, order
    case signing = "id-sign"
    case agreement = "id-kem"
}

extension AgentKey {
    /// The purpose of a key without a name.
    fileprivate var purpose: String {
        switch ObjectClass(rawValue: objectClass) {
        case .user: "a user"
        case .signing, .agreement: "an identity"
        case .order: "an order"
        case nil: objectClass
        }
    }

    fileprivate var unnamedJSON: JSON {
        var members: [(String, JSON)] = [
            ("object", .string(object)), ("class", .string(objectClass)), ("owner", .string(owner)),
            ("owner_uid", .number(Int64(ownerUid))),
        ]
        if type != .unspecified { members.append(("type", .string(KeyType.name(type)))) }
        if let pem = try? publicHalf?.pem { members.append(("public_key", .string(pem))) }
        return .object(members)
    }
}
