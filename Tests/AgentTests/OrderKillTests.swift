import AgentProtocol
import DTAFormats
import DTASystem
import Foundation
import TestSupport
import Testing

/// An agent is killed at any write in the life of an order: before a transaction, in it, between it and the answer. Then
/// it is started again, and whoever asked asks again. `DTA_KILLS` sets how many kills there are for each agent.
@Suite("An agent that is killed in any write", .ownThread)
struct OrderKillTests {
    private static let kills = ProcessInfo.processInfo.environment["DTA_KILLS"].flatMap { Int($0) } ?? 6

    /// An agent that dies at most once in a life, and is started again when somebody misses it.
    private final class Mortal {
        let agent: TestAgent
        private let writes: DeadlyWrites
        private(set) var deaths = 0
        private var isArmed = false

        init(_ agent: TestAgent) throws {
            self.agent = agent
            writes = try DeadlyWrites(in: agent.directory)
            #expect(agent.stop() == 0)
            try agent.start(environment: writes.environment)
        }

        func arm(_ count: Int32) throws {
            isArmed = true
            try writes.set(count)
        }

        /// - Returns: how many writes were left.
        func disarm() throws -> Int32 {
            isArmed = false
            let left = try writes.left
            try writes.set(0)
            return left
        }

        /// Asks again where the agent died of the first time.
        func surviving<Result>(_ body: (_ isFirst: Bool) throws -> Result) throws -> Result {
            do { return try body(true) } catch {
                guard try revive() else { throw error }
                return try body(false)
            }
        }

        /// - Returns: whether it was dead.
        func revive() throws -> Bool {
            guard isArmed, try writes.left == 0 else { return false }
            isArmed = false
            #expect(agent.waitForEnd() == 128 + SIGKILL)
            deaths += 1
            try agent.start(environment: writes.environment)
            return true
        }
    }

    /// Runs lives, in each of which the agent is killed at another write, spread over all that one life has.
    private func kill(_ mortal: Mortal, in life: () throws -> Void) throws {
        try mortal.arm(.max)
        try life()
        let all = Int(Int32.max - (try mortal.disarm()))
        try #require(all > 0, "nothing was counted")
        let offset = Int.random(in: 0..<all)
        for round in 0..<Self.kills {
            let number = 1 + (offset + round * all / Self.kills) % all
            try mortal.arm(Int32(number))
            do {
                try life()
            } catch {
                throw TestFailure("killed at write \(number) of \(all): \(error)\n\(mortal.agent.log.suffix(2000))")
            }
            // A few writes more or less in each life: what is left does not hit the next one.
            if try !mortal.revive() { _ = try mortal.disarm() }
        }
        #expect(mortal.deaths * 2 >= Self.kills, "\(mortal.deaths) of \(Self.kills) kills hit a life of \(all) writes")
    }

    // MARK: One agent in all roles

    /// The order that was made, whether or not anybody was told.
    private func create(_ mortal: Mortal, on agent: TestAgent, _ new: AgentRequest) throws -> String {
        func known() throws -> Set<String> {
            try Set(agent.client().call(.listOrders(count: 1000, filters: [("role", "principal")])).orders.map(\.cid))
        }
        let before = try mortal.surviving { _ in try known() }
        return try mortal.surviving { isFirst in
            let made = try isFirst ? [] : known().subtracting(before)
            #expect(made.count <= 1)
            if let made = made.first { return made }
            return try agent.client().call(new).cid(of: "order")
        }
    }

    @Test(
        "an agent that is killed in any write in any role has made each part of an order once, and no key that no order has",
        arguments: ["secret", "sign"])
    func alone(type: String) throws {
        let agent = try TestAgent(more: automaticOrders + "\n  reseal_within_s: 0")
        for name in ["alice", "bank"] { _ = try agent.client().call(.createIdentity(name)) }
        let mortal = try Mortal(agent)
        let digest = [UInt8](repeating: 7, count: 32)
        try kill(mortal) {
            let order = try create(
                mortal, on: agent,
                newOrder {
                    $0.type = type
                    if type == "sign" { $0.fields = [AgentField(name: "algorithm", value: "p256")] }
                })
            func ask(_ request: AgentRequest) throws -> AgentResponse {
                try mortal.surviving { _ in try agent.client().call(request) }
            }
            // Whoever hears nothing asks for the next step again: by the rules, or by hand.
            func state() throws -> String? { try ask(.showOrder(order)).orders.first?.state }
            if try state() == "ordered" { _ = try ask(.fulfilOrder(order)) }
            _ = try mortal.surviving { isFirst in
                if try !isFirst && agent.client().call(.showOrder(order)).orders.first?.state == "exhausted" { return }
                _ = try agent.client().call(.redeemOrder(order, data: type == "sign" ? digest : []))
            }
            if try state() == "requested" { _ = try ask(.fulfilOrder(order)) }
            #expect(try ask(.orderResult(order)).data.count == (type == "sign" ? 64 : 32))
            _ = try ask(.destroyOrder(order))
            let kinds = try ask(.showOrder(order)).parts.filter { $0.status == "accepted" }.map(\.kind)
            #expect(kinds.prefix(5) == ["order", "commitment", "redemption", "release", "destruction"], "\(kinds)")
            #expect(kinds.dropFirst(5).allSatisfy { $0 == "destruction" } && kinds.count <= 6, "\(kinds)")
        }
        #expect(agent.stop() == 0)
        let before = agent.log.utf8.count
        try agent.start()
        #expect(!String(decoding: agent.log.utf8.dropFirst(before), as: UTF8.self).contains("does not know"))
    }

    // MARK: Three agents

    @Test(
        "an agent that is killed in any write of three takes in each part once, answers the same again, and all three come to the same end",
        arguments: 0..<3
    )
    func together(victim: Int) throws {
        let hosts = try Hosts()
        let mortal = try Mortal(hosts.all[victim])
        let (home, bank, heir) = (hosts.principal, hosts.fiduciary, hosts.beneficiary)
        let secret = Array("the gold is under the oak".utf8)
        try kill(mortal) {
            func ask(_ agent: TestAgent, _ request: AgentRequest) throws -> AgentResponse {
                try mortal.surviving { _ in try agent.client().call(request) }
            }
            func accepted(_ order: String, _ agent: TestAgent) throws -> [AgentOrderPart] {
                try ask(agent, .showOrder(order)).parts.filter { $0.status == "accepted" }
            }
            let order = try create(
                mortal, on: home,
                newOrder {
                    $0.type = "safeguard-secret"
                    $0.beneficiary = "heir"
                    $0.redeemers = ["heir"]
                    $0.approvers = ["judge"]
                    $0.approvals = 1
                })
            /// Twice: what comes again has the same answer.
            func bring(_ from: TestAgent, _ to: TestAgent) throws {
                let answers = try (0..<2).map { _ in
                    try mortal.surviving { _ in try carry(order, from, to) }.last?.parts.map(\.cid) ?? []
                }
                #expect(answers[0] == answers[1])
            }
            try bring(home, bank)
            try bring(bank, home)
            try bring(bank, heir)
            _ = try mortal.surviving { isFirst in
                if try !isFirst && accepted(order, home).contains(where: { $0.kind == "deposit" }) { return }
                _ = try home.client().call(.depositForOrder(order, secret: secret))
            }
            try bring(home, heir)
            _ = try ask(heir, .redeemOrder(order, purpose: "now"))
            try bring(heir, bank)
            _ = try ask(heir, .decideOnOrder(order, as: "judge", decision: "approve"))
            try bring(heir, bank)
            try bring(bank, heir)
            try bring(bank, home)
            #expect(try [UInt8](ask(heir, .orderResult(order)).data) == secret)
            _ = try ask(bank, .destroyOrder(order))
            try bring(bank, home)
            try bring(bank, heir)
            let common = ["order", "commitment", "redemption", "approval", "release", "destruction"]
            let parts = try hosts.all.map { host in
                try accepted(order, host).filter { common.contains($0.kind) }
            }
            for known in parts {
                #expect(Set(known.map(\.kind)).count == known.count, "\(known.map(\.kind))")
            }
            #expect(Set(parts[1].map(\.kind)) == Set(common))
            for kind in common {
                let cids = parts.compactMap { known in known.first { $0.kind == kind }?.cid }
                #expect(Set(cids).count == 1, "all know the same \(kind)")
            }
            for host in hosts.all { #expect(try ask(host, .showOrder(order)).orders.first?.state == "destroyed") }
        }
    }
}
