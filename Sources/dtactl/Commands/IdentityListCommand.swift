import AgentProtocol
import ArgumentParser
import DTACourier
import DTAFormats
import DTASystem

struct IdentityListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the identities that are known here.",
        discussion: """
            First those whose keys are here, each as the newest of its line. Of the others, what this host calls them; in
            quotes what they call themselves, which anybody can.

            Example:
              dtactl identity list
            """)

    @OptionGroup var agent: AgentOptions

    func run() throws {
        let identities = try agent.all(.identityList, \.identities)
        if agent.json { return try JSON.showLines(identities.map(\.json)) }
        guard !identities.isEmpty else {
            return StandardError.note("no identities are known here; dtactl identity create NAME makes one")
        }
        try IdentityTable.show(identities)
    }
}

struct IdentityHistoryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history", abstract: "Show all that is known here of an identity's line, oldest first.",
        discussion: """
            Those that it replaced, those that replaced it, rivals, and revocations.

            Example:
              dtactl identity history bank
            """)

    @Argument(help: "A name, an alias or a CID.", completion: .identityNames)
    var identity: String

    @OptionGroup var agent: AgentOptions

    func run() throws {
        let answer = try agent.call(.identityHistory(identity))
        if agent.json { return try JSON.showLines(answer.identities.map(\.json)) }
        try IdentityTable.show(answer.identities)
        for revocation in answer.blocks where DocumentKind(rawValue: revocation.kind) == .revocation {
            StandardError.note("revocation \(revocation.cid)")
        }
    }
}

/// Identities as rows.
enum IdentityTable {
    static func show(_ identities: [AgentIdentity]) throws {
        var table = Table([
            .init(title: "name", minimum: 8), .init(title: "cid", minimum: 14, cut: .middle),
            .init(title: "owner", minimum: 6), .init(title: "standing"), .init(title: "trust"),
            TimeColumn.column("created"),
        ])
        for identity in identities {
            table.add([
                .init(identity.shownName, identity.own || !identity.alias.isEmpty ? .bold : .dim),
                .init(identity.cid), .init(identity.own ? identity.ownerText : "–"),
                .init(identity.standing, identity.standingStyle), .init(identity.trust, identity.trustStyle),
                .init(TimeColumn.text(identity.created)),
            ])
        }
        try table.show()
    }
}

extension AgentIdentity {
    var ownerText: String { owner.isEmpty ? "uid \(ownerUid)" : owner }

    /// The name on this host; or in quotes the name that it claims itself, which can be any.
    var shownName: String { own ? name : alias.isEmpty ? "\"\(name)\"" : alias }

    var standingStyle: Style {
        switch knownStanding {
        case .current: .plain
        case .rotated: .dim
        case .revoked, .conflict, nil: .bad
        }
    }

    var trustStyle: Style {
        switch knownTrust {
        case .trusted: .good
        case .distrusted: .bad
        case .untrusted, nil: .warning
        }
    }

    /// The form in a sentence for people.
    var standingText: String { successor.isEmpty ? standing : "\(standing): its line goes on with \(successor)" }

    var members: [(String, JSON)] {
        let optional = { (text: String) in text.isEmpty ? JSON.null : .string(text) }
        return [
            ("cid", .string(cid)), ("name", .string(name)), ("own", .bool(own)),
            ("owner", own ? .string(owner) : .null), ("owner_uid", own ? .number(Int64(ownerUid)) : .null),
            ("created", .number(created)), ("standing", .string(standing)), ("successor", optional(successor)),
            ("trust", .string(trust)), ("alias", optional(alias)), ("url", optional(url)),
            ("previous", optional(previous)),
        ]
    }

    var json: JSON { .object(members) }
}
