import Foundation
import TestSupport
import Testing

@testable import DTAGateway

/// The calls of Milagro D-TA 0.1, as its description (open-api.yaml) and its program write them, replayed against a real
/// gateway. docs/gateway.md lists what is answered otherwise.
@Suite("Milagro D-TA 0.1's calls", .ownThread, .serialized)
struct MilagroTests {
    /// How names are written: the description begins with a capital letter, the program's own client with a small one.
    enum Spelling: String, CaseIterable {
        case description, program

        func callAsFunction(_ name: String) -> String {
            guard self == .program else { return name }
            return name.hasPrefix("ID") ? "id" + name.dropFirst(2) : name.prefix(1).lowercased() + name.dropFirst()
        }
    }

    /// Reads an answer as Go's encoding/json does: a name fits in any case of letters.
    private func member(_ answer: HTTPExchange, _ name: String) -> Any? {
        let object = (try? JSONSerialization.jsonObject(with: Data(answer.body))) as? [String: Any]
        return object?.first { $0.key.lowercased() == name.lowercased() }?.value
    }

    @Test("each documented call is answered with the documented members", arguments: Spelling.allCases)
    func replay(spelling name: Spelling) throws {
        let agent = try TestAgent(more: "orders: { accept: [{ commit: auto, release: auto }] }")
        let gateway = try TestGateway(
            agent: agent.socketPath,
            configuration:
                "authentication: { none: true }\norders: { principal: acme, fiduciary: bank, release_secrets: true }")
        func post(_ path: String, _ members: [String: Any]) throws -> HTTPExchange {
            let named = Dictionary(uniqueKeysWithValues: members.map { (name($0.key), $0.value) })
            let body = String(decoding: try JSONSerialization.data(withJSONObject: named), as: UTF8.self)
            return try gateway.post(path, body)
        }

        // GET /v1/status: the description itself has small letters here.
        let status = try gateway.request("/v1/status")
        for member in ["application", "apiVersion", "extensionVendor", "timeStamp", "plugin", "nodeType"] {
            #expect((status[member] as? String)?.isEmpty == false, "\(member)")
        }
        #expect(status["nodeCID"] == nil && status["apiVersion"] as? String == "v1")

        // POST and GET /v1/identity.
        var cids: [String: String] = [:]
        for identity in ["acme", "bank", "carol"] {
            let made = try post("/v1/identity", ["Name": identity, "Extension": [String: String]()])
            #expect(made.status == 200, "\(made.text)")
            cids[identity] = member(made, "IDDocumentCID") as? String
        }
        let carol = try #require(cids["carol"])
        #expect(try gateway.request("/v1/status")["nodeCID"] as? String == cids["acme"])
        let list = try gateway.request("/v1/identity?page=0&perPage=2&sortBy=dateCreatedAsc")
        #expect((member(list, "IDDocumentList") as? [Any])?.count == 2)
        let shown = try gateway.request("/v1/identity/\(carol)")
        #expect(member(shown, "IDDocumentCID") as? String == carol && member(shown, "Timestamp") is Int)

        // POST /v1/order: no body is none; an empty beneficiary is none; an extension's names are read in any case.
        #expect(try gateway.request("/v1/order", ["-X", "POST"]).code == "INVALID_ARGUMENT")
        let own = try post("/v1/order", ["BeneficiaryIDDocumentCID": "", "Extension": [String: String]()])
        #expect(own.status == 200 && member(own, "BeneficiaryIDDocumentCID") == nil, "\(own.text)")
        let made = try post("/v1/order", ["BeneficiaryIDDocumentCID": carol, "Extension": ["myNote": "The Will"]])
        #expect(made.status == 200, "\(made.text)")
        #expect(member(made, "Extension") as? [String: String] == ["mynote": "The Will"])
        let reference = try #require(member(made, "OrderReference") as? String)
        #expect((member(made, "Commitment") as? String)?.isEmpty == false && member(made, "CreatedAt") is Int)
        let twice = try post("/v1/order", ["Extension": ["a": "1", "A": "2"]])
        #expect(twice.status == 400 && twice.text.contains("stands twice"), "\(twice.text)")

        // GET /v1/order and /v1/order/{OrderReference}.
        let orders = try gateway.request("/v1/order?page=0&perPage=1&sortBy=dateCreatedDesc")
        #expect(member(orders, "OrderReference") as? [String] == [reference])
        let order = try gateway.request("/v1/order/\(reference)")
        let described = try #require(member(order, "Order") as? [String: Any])
        #expect(described["TimeStamp"] as? Int == member(made, "CreatedAt") as? Int)
        let text = try #require(described["Order"] as? String)
        let inside = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
        #expect(inside?["OrderReference"] as? String == reference && inside?["Parts"] == nil)
        let cid = try #require(member(order, "OrderCID") as? String)

        // POST /v1/order/secret: the beneficiary may be empty too.
        let secret = try post(
            "/v1/order/secret",
            ["OrderReference": reference, "BeneficiaryIDDocumentCID": carol, "Extension": [String: String]()])
        #expect((member(secret, "Secret") as? String)?.count == 64, "\(secret.text)")
        #expect(member(secret, "Commitment") as? String == member(made, "Commitment") as? String)
        #expect(member(secret, "OrderReference") as? String == reference)
        let again = try post("/v1/order/secret", ["OrderReference": reference, "BeneficiaryIDDocumentCID": ""])
        #expect(member(again, "Secret") as? String == member(secret, "Secret") as? String)

        // POST /v1/fulfill/order and /v1/fulfill/order/secret: the sender's document has two names in the description.
        let acme = try #require(cids["acme"])
        for document in [["DocumentCID": acme], ["SenderDocumentCID": acme], ["DocumentCID": ""], [:]]
            as [[String: Any]]
        {
            let body = document.merging(["OrderPart1CID": cid, "Extension": [String: String]()]) { $1 }
            let fulfilled = try post("/v1/fulfill/order", body)
            #expect((member(fulfilled, "OrderPart2CID") as? String)?.hasPrefix("bafyrei") == true, "\(fulfilled.text)")
        }
        let parts = try #require(order["Parts"] as? [[String: Any]])
        #expect(parts.contains { $0["Kind"] as? String == "commitment" })
        let after = try #require(try gateway.request("/v1/order/\(reference)")["Parts"] as? [[String: Any]])
        let part3 = try #require(after.first { $0["Kind"] as? String == "redemption" }?["CID"] as? String)
        for document in ["DocumentCID", "SenderDocumentCID"] {
            let released = try post("/v1/fulfill/order/secret", ["OrderPart3CID": part3, document: carol])
            #expect((member(released, "OrderPart4CID") as? String)?.hasPrefix("bafyrei") == true, "\(released.text)")
        }
        let torn = try post(
            "/v1/fulfill/order/secret", ["OrderPart3CID": part3, "DocumentCID": carol, "SenderDocumentCID": acme])
        #expect(torn.status == 400)
        // What an extension could say where there is nothing to say is refused, and not passed over.
        #expect(try post("/v1/identity", ["Extension": ["a": "b"]]).status == 400)
        #expect(try post("/v1/fulfill/order", ["OrderPart1CID": cid, "Extension": ["a": "b"]]).status == 400)
    }

    /// A call as Milagro D-TA's description and program have it, and the shapes that we give it.
    private struct Call {
        /// As the page writes it.
        let name: String
        let asked: Set<String>
        let answered: Set<String>
        let request: String?
        let answer: String

        init(_ name: String, _ asked: Set<String>, _ answered: Set<String>, as request: String?, _ answer: String) {
            (self.name, self.asked, self.answered, self.request, self.answer) = (name, asked, answered, request, answer)
        }
    }

    private static let calls = [
        Call(
            "GET /v1/status", [],
            ["application", "apiVersion", "extensionVendor", "nodeCID", "timeStamp", "nodeType", "plugin"], as: nil,
            "Status"),
        Call(
            "POST /v1/identity", ["Name", "Extension"], ["IDDocumentCID"], as: "IdentityRequest", "IdentityMade"),
        Call("GET /v1/identity", [], ["IDDocumentList"], as: nil, "IdentityList"),
        Call(
            "GET /v1/identity/…", [],
            [
                "IDDocumentCID", "AuthenticationReference", "BeneficiaryECPublicKey", "SikePublicKey", "BlsPublicKey",
                "Timestamp",
            ], as: nil, "Identity"),
        Call(
            "POST /v1/order", ["BeneficiaryIDDocumentCID", "Extension"],
            ["OrderReference", "Commitment", "CreatedAt", "Extension"], as: "OrderRequest", "Order"),
        Call("GET /v1/order", [], ["OrderReference"], as: nil, "OrderList"),
        Call("GET /v1/order/…", [], ["OrderCID", "Order"], as: nil, "OrderWithParts"),
        Call(
            "POST /v1/order/secret", ["OrderReference", "BeneficiaryIDDocumentCID", "Extension"],
            ["Secret", "Commitment", "OrderReference", "Extension"], as: "SecretRequest", "Secret"),
        Call(
            "POST /v1/fulfill/…", ["OrderPart1CID", "DocumentCID", "Extension"], ["OrderPart2CID", "Extension"],
            as: "FulfillRequest", "Fulfilled"),
        Call(
            "POST /v1/fulfill/…", ["OrderPart3CID", "DocumentCID", "SenderDocumentCID", "Extension"],
            ["OrderPart4CID", "Extension"], as: "FulfillSecretRequest", "SecretFulfilled"),
    ]

    /// The members of one of our bodies.
    private func members(_ schema: String) throws -> Set<String> {
        guard case .object(let members)? = Schemas.all[schema]?["properties"] else {
            throw TestFailure("there is no shape \(schema)")
        }
        return Set(members.map(\.name))
    }

    @Test(
        "the page of differences has a row for each member of a body that is here and not there, or there and not here")
    func page() throws {
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "../../docs/gateway.md")
        let text = try String(contentsOf: path, encoding: .utf8)
        let section = try #require(
            text.components(separatedBy: "## Differences from Milagro D-TA 0.1").dropFirst().first
        )
        .components(separatedBy: "\n## ")[0]
        let rows = section.split(separator: "\n").filter { $0.hasPrefix("| ") }
            .map { $0.dropFirst(2).components(separatedBy: "|").map { $0.trimmingCharacters(in: .whitespaces) } }
        for call in Self.calls {
            let own = rows.filter { $0[0] == "`\(call.name)`" }
            func named(_ column: Int) -> Set<String> {
                // Every second piece stands between backquotes.
                Set(
                    own.flatMap { row in
                        row[column].components(separatedBy: "`").enumerated().filter { $0.offset % 2 == 1 }
                            .map(\.element)
                    })
            }
            let (asked, answered) = (try call.request.map(members) ?? [], try members(call.answer))
            let gone = call.asked.subtracting(asked).union(call.answered.subtracting(answered))
            #expect(gone.subtracting(named(1)).isEmpty, "\(call.name): what is not here")
            let new = asked.subtracting(call.asked).union(answered.subtracting(call.answered))
            #expect(new.subtracting(named(2)).isEmpty, "\(call.name): what is not there")
            // The last one is a member of a member.
            let known = asked.union(answered).union(call.asked).union(call.answered).union(["TimeStamp"])
            let written = named(1).union(named(2)).filter { $0.wholeMatch(of: /[A-Z][A-Za-z0-9]*/) != nil }
            #expect(written.subtracting(known).isEmpty, "\(call.name): what is neither here nor there")
        }
        for word in [
            "perPage", "null", "Content-Type", "409", "422", "415", "/v1/ext", "masterfiduciary", "sortBy", "UUID",
        ] { #expect(section.contains(word), "\(word)") }
    }
}
