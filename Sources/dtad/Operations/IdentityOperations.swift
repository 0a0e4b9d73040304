import AgentProtocol
import Foundation

/// Making and seeing identities, and trusting them.
enum IdentityOperations {
    static let all = [create, list, show, history, trust, distrust]

    private static let create = Operation(
        .identityCreate, "identity.create", isSynced: true, answersSecret: false, isAboutTheAgent: false, detail: .none,
        begins: .atOnce,
        reads: { (name: $0.subject, recovery: [UInt8]($0.recovery), postQuantum: $0.postQuantum) },
        calls: { call, new in
            let step = try call.agent.identities.create(
                call.caller, name: new.name, recovery: new.recovery, postQuantum: new.postQuantum)
            return call.slow(step) { $1.set($0) }
        })

    private static let list = Operation(
        .identityList, "identity.list", isSynced: false, answersSecret: false, isAboutTheAgent: false, detail: .none,
        begins: .lane(.reading),
        reads: { $0.page },
        calls: { call, asked in
            call.done {
                let page = try call.agent.identities.list(call.caller, count: asked.count, cursor: asked.cursor)
                $0.identities = page.items.map(AgentIdentity.init)
                $0.cursor = page.cursor
            }
        })

    private static let show = Operation(
        .identityShow, "identity.show", isSynced: false, answersSecret: false, isAboutTheAgent: false, detail: .none,
        begins: .bringingBlocks(.reading),
        reads: { $0.subject },
        calls: { call, subject in
            let (identity, document) = try call.agent.identities.show(subject)
            return call.answer {
                $0.set(identity)
                $0.data = Data(document.block)
            }
        })

    private static let history = Operation(
        .identityHistory, "identity.history", isSynced: false, answersSecret: false, isAboutTheAgent: false,
        detail: .none, begins: .lane(.reading),
        reads: { $0.subject },
        calls: { call, subject in
            call.done {
                let history = try call.agent.identities.history(subject)
                $0.identities = history.identities.map(AgentIdentity.init)
                $0.blocks = history.blocks.map(AgentBlock.init)
            }
        })

    private static let trust = Operation(
        .identityTrust, "identity.trust", isSynced: true, answersSecret: false, isAboutTheAgent: false, detail: .alias,
        begins: .lane(.durable),
        reads: { (subject: $0.subject, alias: $0.alias, url: $0.url) },
        calls: { call, asked in
            let identities = call.agent.identities
            return call.noting("identity", identities.meant(by: asked.subject)).done {
                $0.set(try identities.trust(call.caller, asked.subject, alias: asked.alias, url: asked.url))
            }
        })

    private static let distrust = Operation(
        .identityDistrust, "identity.distrust", isSynced: true, answersSecret: false, isAboutTheAgent: false,
        detail: .none, begins: .lane(.durable),
        reads: { $0.subject },
        calls: { call, subject in
            let identities = call.agent.identities
            return call.noting("identity", identities.meant(by: subject))
                .noting("alias", identities.alias(of: subject))
                .done { $0.set(try identities.distrust(call.caller, subject)) }
        })
}
