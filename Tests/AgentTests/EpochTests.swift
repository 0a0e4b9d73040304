import AgentProtocol
import CustodyProtocol
import DTAFormats
import DTASystem
import Foundation
import TestSupport
import Testing

/// What is on the token of epochs, beside what the database knows.
@Suite("An epoch's key", .ownThread)
struct EpochTests {
    private func agent(_ more: String = automaticOrders + "\n  reseal_within_s: 0") throws -> TestAgent {
        let agent = try TestAgent(more: more)
        for name in ["alice", "bank"] { _ = try agent.client().call(.createIdentity(name)) }
        return agent
    }

    private func made(_ agent: TestAgent) throws -> String {
        try #require(agent.client().call(newOrder()).orders.first).cid
    }

    private func receipts(_ order: String, _ agent: TestAgent) throws -> Int {
        try agent.client().call(.showOrder(order)).parts.filter { $0.kind == "destruction" }.count
    }

    private func dtactl(_ agent: TestAgent, _ arguments: String...) throws -> Finished {
        try agent.dtactl(["order", "epochs"] + arguments)
    }

    /// `epoch state`, of each.
    private func epochs(_ agent: TestAgent) throws -> [String] {
        struct Epoch: Decodable {
            var epoch: UInt32
            var state: String
        }
        return try agent.client().call(.orderEpochs()).lines.map {
            let epoch = try JSONDecoder().decode(Epoch.self, from: Data($0.utf8))
            return "\(epoch.epoch) \(epoch.state)"
        }
    }

    private func releases(_ order: String, _ agent: TestAgent) throws {
        #expect(try agent.client().call(.redeemOrder(order)).orders.first?.state == "exhausted")
        #expect(try agent.client().call(.orderResult(order)).data.count == 32)
    }

    @Test(
        "an epoch's key that somebody parked a copy under is told, never sealed under, and keeps receipts from saying done until it goes"
    )
    func parked() throws {
        let agent = try agent()
        let (lost, kept) = (try made(agent), try made(agent))
        #expect(agent.stop() == 0)
        // A front that was taken over: it makes an epoch, and has it seal a copy that it keeps.
        let row = try #require(
            agent.rows(
                "SELECT hex(blob), hex(cid), order_secrets.owner_uid FROM order_secrets JOIN orders ON number = in_order"
            )
            .first
        ).split(separator: " ").map(String.init)
        let values = try row.prefix(2).map { try bytes($0) }
        do {
            let hsm = try HSMProcess(configuration: agent.configuration).connect()
            try hsm.ask(NewEpoch(number: 2))
            _ = try hsm.ask(
                ResealOrder(
                    sealed: values[0], order: CID(bytes: values[1]), owner: ObjectOwner(uid: UInt32(row[2]) ?? 0),
                    epoch: 2))
        }
        try agent.start()
        #expect(agent.log.contains("epochs on the token that dtad does not know"))
        #expect(agent.log.contains("dta/epoch/2"))
        let client = agent.client()
        #expect(try client.call(.status()).fields.contains { $0.name == "orders.unknown_epochs" && $0.value == "2" })
        #expect(
            try client.call(.list(.auditList, count: 1000)).lines.contains {
                $0.contains("are not known to the database")
            })
        let checked = try run(Binary.path("dtad"), ["check", "--config", agent.configuration])
        #expect(checked.text.contains("dta/epoch/2"), "\(checked.text)")
        #expect(checked.status == 0, "it keeps nothing from running: \(checked.text)")
        let more = try made(agent)
        #expect(try epochs(agent) == ["1 full", "2 unknown", "3 open"])
        #expect(try agent.rows("SELECT epoch FROM order_secrets ORDER BY in_order") == ["1", "1", "3"])

        _ = try client.call(.destroyOrder(lost))
        try agent.wait("the known key to be destroyed") { agent.log.contains("an epoch's key is destroyed") }
        #expect(try epochs(agent) == ["2 unknown", "3 open"])
        #expect(try client.call(.destroyOrder(lost)).fields.first { $0.name == "state" }?.value == "pending")
        #expect(try receipts(lost, agent) == 1)

        let listed = try dtactl(agent)
        #expect(listed.text.contains("unknown") && listed.errors.contains("not in the database"), "\(listed.errors)")
        for (number, status) in [("3", Int32(1)), ("9", 1), ("2", 0)] {
            let destroyed = try dtactl(agent, "--destroy", number, "--yes")
            #expect(destroyed.status == status, "\(number): \(destroyed.errors)")
        }
        #expect(try dtactl(agent, "--destroy", "x", "--yes").status == 2)
        #expect(try epochs(agent) == ["3 open"])
        try agent.wait("the second receipt") { try receipts(lost, agent) == 2 }
        #expect(
            try client.call(.list(.auditList, count: 1000)).lines.contains {
                $0.contains("\"order.epochs\"") && $0.contains("\"2\"") && $0.contains("decision=destroy")
            })
        for order in [kept, more] { try releases(order, agent) }
    }

    @Test("an epoch's key of any number that something else made ends no agent, and goes when an administrator says so")
    func anyNumber() throws {
        let agent = try agent()
        let order = try made(agent)
        #expect(agent.stop() == 0)
        func plant(_ number: UInt32) throws {
            let planted = try run(
                "pkcs11-tool",
                [
                    "--module", TestToken.module, "--token-label", "dta", "--login", "--pin",
                    String(contentsOfFile: agent.state + "/hsm-pin", encoding: .utf8)
                        .trimmingCharacters(in: .whitespacesAndNewlines),
                    "--keygen", "--key-type", "AES:32", "--sensitive", "--label", "dta/epoch/\(number)", "--id", "01",
                ], environment: ["SOFTHSM2_CONF": agent.state + "/softhsm2.conf"])
            #expect(planted.status == 0, "\(planted.errors)")
        }
        try plant(.max)
        try agent.start()
        _ = try made(agent)
        #expect(try epochs(agent) == ["1 open", "\(UInt32.max) unknown"])
        #expect(agent.stop() == 0)
        try plant(EpochNumber.last)
        try agent.start()
        let waiting = try made(agent)
        #expect(try agent.client().refusal(.fulfilOrder(waiting)).code == .resourceExhausted)
        try releases(order, agent)
        for number in [EpochNumber.last, .max] {
            #expect(try dtactl(agent, "--destroy", "\(number)", "--yes").status == 0)
        }
        #expect(try epochs(agent) == ["1 open"])
        #expect(try agent.client().call(.fulfilOrder(waiting)).orders.first?.state == "committed")
        #expect(agent.stop() == 0)
        // Nor does what the database says.
        try agent.change("INSERT INTO epochs (number, created, count) VALUES (9223372036854775807, 1, 0)")
        try agent.start()
        try releases(made(agent), agent)
    }

    @Test(
        "an epoch's key that is destroyed and comes back with a copy of the token is destroyed again at the next start")
    func returned() throws {
        let agent = try agent()
        let (lost, kept) = (try made(agent), try made(agent))
        let copy = agent.directory.file("tokens-before")
        try FileManager.default.copyItem(atPath: agent.tokens, toPath: copy)
        _ = try agent.client().call(.destroyOrder(lost))
        try agent.wait("the second receipt") { try receipts(lost, agent) == 2 }
        #expect(try epochs(agent) == ["2 open"])
        #expect(agent.stop() == 0)
        // What the older token has and the newer has not.
        for token in try FileManager.default.contentsOfDirectory(atPath: copy) {
            for name in try FileManager.default.contentsOfDirectory(atPath: copy + "/" + token) {
                let (old, new) = (copy + "/\(token)/\(name)", agent.tokens + "/\(token)/\(name)")
                if !FileManager.default.fileExists(atPath: new) {
                    try FileManager.default.copyItem(atPath: old, toPath: new)
                }
            }
        }
        #expect(try HSMProcess(configuration: agent.configuration).connect().ask(ListEpochs()) == [1, 2])
        let checked = try run(Binary.path("dtad"), ["check", "--config", agent.configuration])
        #expect(checked.text.contains("were destroyed and are on the token again"), "\(checked.text)")
        try agent.start()
        #expect(agent.log.contains("dta/epoch/1 was destroyed and is on the token again: it is destroyed again"))
        #expect(
            try agent.client().call(.list(.auditList, count: 1000)).lines.contains {
                $0.contains("it is destroyed again")
            })
        try releases(kept, agent)
        #expect(agent.stop() == 0)
        #expect(try HSMProcess(configuration: agent.configuration).connect().ask(ListEpochs()) == [2])

        // The whole older token: what was sealed since is lost, and new orders take no number twice.
        try FileManager.default.removeItem(atPath: agent.tokens)
        try FileManager.default.copyItem(atPath: copy, toPath: agent.tokens)
        try agent.start()
        #expect(try epochs(agent) == ["2 missing"])
        try releases(made(agent), agent)
        #expect(try epochs(agent) == ["2 missing", "3 open"])
        #expect(agent.stop() == 0)
        #expect(try HSMProcess(configuration: agent.configuration).connect().ask(ListEpochs()) == [3])
    }

    @Test("an epoch's key goes with all others when an administrator renews them, and no living secret is lost")
    func renewed() throws {
        let agent = try agent(automaticOrders)
        let orders = try (0..<3).map { _ in try made(agent) }
        let renewed = try dtactl(agent, "--renew", "--yes")
        #expect(renewed.status == 0 && renewed.text.contains("ending"), "\(renewed.text) \(renewed.errors)")
        try agent.wait("the key to be destroyed") { try epochs(agent) == ["2 open"] }
        for order in orders { try releases(order, agent) }
    }

    @Test(
        "an epoch's key is told and destroyed for administrators alone",
        .enabled(if: OtherUser.arePossible, "another user needs root")
    )
    func administrators() throws {
        let agent = try agent()
        _ = try made(agent)
        for decision in ["", "destroy", "renew"] {
            let refused = try OtherUser.wwwData.run(
                "OPERATIONS['epochs'] = 85\nagent.call('epochs', subject='1', decision='\(decision)')", on: agent)
            #expect(refused.hasPrefix("PERMISSION_DENIED") && refused.contains("may not"), "\(refused)")
        }
        #expect(try epochs(agent) == ["1 open"])
    }
}
