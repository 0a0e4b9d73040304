import AgentProtocol
import DTABytes
import DTAJSON
import DTASystem
import Foundation

/// Identities, as Milagro D-TA 0.1 names them: identity documents.
extension GatewayServices {
    /// The list is sorted and cut into pages here: the agent has an order of its own.
    private static let listLimit = 20_000

    func createIdentity(_ call: Call) async throws -> Reply {
        guard call.client.identities == nil else {
            throw Problem.forbidden("the token is for an identity, and makes no other")
        }
        var fields = try Fields(call.json)
        let name = try fields.text("Name", .name) ?? GatewayServices.madeUpName()
        try fields.nothing("Extension")
        try fields.finish()
        // Some tokens need many seconds to make keys.
        let answer = try await agent.call(.createIdentity(name), timeout: .seconds(120))
        return Reply(["IDDocumentCID": .string(answer.cid)])
    }

    private static func madeUpName() -> String {
        "id-" + String((0..<10).map { _ in "abcdefghijklmnopqrstuvwxyz234567".randomElement() ?? "a" })
    }

    func listIdentities(_ call: Call) async throws -> Reply {
        let scope = try await scope(of: call)
        var all = scope.identities
        if scope.names == nil {
            var cursor = ""
            repeat {
                let page = try await agent.call(.list(.identityList, count: 1000, cursor: cursor))
                all += page.identities
                cursor = page.cursor
            } while !cursor.isEmpty && all.count < GatewayServices.listLimit
        }
        let isAscending = call.parameters["sortBy"] == "dateCreatedAsc"
        all.sort { one, other in
            let (a, b) = isAscending ? (one, other) : (other, one)
            return (a.created, a.cid) < (b.created, b.cid)
        }
        let size = call.integer("perPage")
        let page = all.dropFirst(call.integer("page") * size).prefix(size)
        return Reply(["IDDocumentList": .array(page.map { .object(GatewayServices.members($0)) })])
    }

    /// A document is public: a client that has its CID may read it.
    func showIdentity(_ call: Call) async throws -> Reply {
        let answer = try await agent.call(.showIdentity(call.parameters["IDDocumentCID"] ?? ""))
        guard let identity = answer.identities.first else { throw Problem.notFound("there is no such identity here") }
        let document = JSONValue.Member("Document", .string(Base64.encode(answer.data)))
        return Reply(.object(GatewayServices.members(identity) + [document]))
    }

    private static func members(_ identity: AgentIdentity) -> [JSONValue.Member] {
        guard
            case .object(let members) = JSONValue.members([
                ("IDDocumentCID", .string(identity.cid)), ("Name", .text(identity.name)),
                ("Alias", .text(identity.alias)), ("Timestamp", .integer(identity.created)),
                ("Own", .bool(identity.own)), ("Standing", .text(identity.standing)), ("Trust", .text(identity.trust)),
                ("Successor", .text(identity.successor)), ("Previous", .text(identity.previous)),
            ])
        else { return [] }
        return members
    }
}
