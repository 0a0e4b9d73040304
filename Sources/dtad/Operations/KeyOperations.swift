import AgentProtocol
import CustodyProtocol
import DTACore
import DTASystem
import Foundation

/// Making, seeing and destroying keys.
enum KeyOperations {
    static let all = [create, list, show, delete, unnamed, beginImport, finishImport]

    private static let create = Operation(
        .keyCreate, "key.create", isSynced: true, answersSecret: false, isAboutTheAgent: false, detail: .none,
        begins: .atOnce,
        reads: { (name: $0.subject, type: try KeyType($0.keyType)) },
        calls: { call, new in
            let step = try call.agent.keys.create(call.caller, name: new.name, type: new.type)
            return call.slow(step, in: KeyService.isSlowToMake(new.type) ? .making : .slow) {
                $1.keys = [try AgentKey($0)]
            }
        })

    private static let list = Operation(
        .keyList, "key.list", isSynced: false, answersSecret: false, isAboutTheAgent: false, detail: .none,
        begins: .atOnce,
        reads: { $0.page },
        calls: { call, asked in
            let page = try call.agent.keys.list(call.caller, count: asked.count, cursor: asked.cursor)
            return try call.answer {
                $0.keys = try page.items.map { try AgentKey($0) }
                $0.cursor = page.cursor
            }
        })

    private static let show = Operation(
        .keyShow, "key.show", isSynced: false, answersSecret: false, isAboutTheAgent: false, detail: .none,
        begins: .atOnce,
        reads: { $0.subject },
        calls: { call, name in
            let key = try call.agent.keys.show(call.caller, name: name)
            return try call.noting(key).answer { $0.keys = [try AgentKey(key)] }
        })

    private static let delete = Operation(
        .keyDelete, "key.delete", isSynced: true, answersSecret: false, isAboutTheAgent: false, detail: .none,
        begins: .atOnce,
        reads: { $0.subject },
        calls: { call, name in call.slow(try call.agent.keys.delete(call.caller, name: name)) { _, _ in } })

    private static let beginImport = Operation(
        .keyImportBegin, "key.import.begin", isSynced: false, answersSecret: false, isAboutTheAgent: false,
        detail: .why, begins: .atOnce,
        reads: {
            // The client refuses what it read, and only says so.
            guard $0.decision.isEmpty else {
                throw DTAError(.invalidArgument, "the client refused what was to be imported: \(quoted($0.decision))")
            }
            return (name: $0.subject, type: try KeyType($0.keyType), nonce: [UInt8]($0.data))
        },
        calls: { call, new in
            let step = try call.agent.keys.beginImport(
                call.caller, name: new.name, type: new.type, nonce: new.nonce)
            return call.slow(step) {
                $1.data = Data($0.offer.wrappingKey + $0.offer.signature)
                $1.cursor = $0.object.text
            }
        })

    private static let finishImport = Operation(
        .keyImport, "key.import", isSynced: true, answersSecret: false, isAboutTheAgent: false, detail: .none,
        begins: .atOnce,
        reads: {
            (name: $0.subject, type: try KeyType($0.keyType), object: $0.cursor, wrapped: [UInt8]($0.data))
        },
        calls: { call, new in
            let step = try call.agent.keys.finishImport(
                call.caller, name: new.name, type: new.type, object: new.object, wrapped: new.wrapped)
            return call.slow(step) { $1.keys = [try AgentKey($0)] }
        })

    private static let unnamed = Operation(
        .keyUnnamed, "key.unnamed", isSynced: true, answersSecret: false, isAboutTheAgent: false,
        detail: .decision + .alias, begins: .atOnce,
        reads: { (decision: $0.decision, object: $0.subject, name: $0.alias) },
        calls: { call, asked in
            let keys = call.agent.keys
            switch asked.decision {
            case "": return call.slow(try keys.listUnnamed(call.caller)) { $1.keys = try $0.map(AgentKey.init) }
            case "name":
                let step = try keys.nameUnnamed(call.caller, object: asked.object, as: asked.name)
                return call.slow(step) { $1.keys = [try AgentKey($0)] }
            case "destroy":
                return call.slow(try keys.destroyUnnamed(call.caller, object: asked.object)) { _, _ in }
            default:
                throw DTAError(
                    .invalidArgument, "about a key without a name one decides name or destroy, and nothing else")
            }
        })
}

extension KeyType {
    fileprivate init(_ type: AgentKeyType) throws {
        guard let type = KeyType(rawValue: UInt8(clamping: type.rawValue)) else {
            let known = KeyType.allCases.map(\.name).joined(separator: ", ")
            throw DTAError(.invalidArgument, "there is no such type of key", hint: "types: \(known)")
        }
        self = type
    }
}
