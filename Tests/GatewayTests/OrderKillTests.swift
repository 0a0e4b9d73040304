import AgentProtocol
import Crypto
import DTAFormats
import DTASystem
import Foundation
import TestSupport
import Testing

/// kill -9 at every step of an order between two hosts: of the fiduciary's agent or of the redeemer's, in the middle of what
/// a courier brought it. Then the same is asked again, as people would. DeadlyWrites finds the points between, without
/// couriers.
@Suite("Killed in the middle of an order", .ownThread, .serialized)
struct OrderKillTests {
    /// A firm that orders, redeems and approves, and the bank that keeps its secrets, behind a gateway.
    private final class Hosts {
        private let hosts: [TestHost]
        var bank: TestAgent { hosts[0].agent }
        var firm: TestAgent { hosts[1].agent }

        init() throws {
            hosts = [
                try TestHost(["bank"], rules: automaticOrders, gateway: ""),
                try TestHost(["acme", "judge"], rules: automaticOrders),
            ]
            try TestHost.introduce(hosts)
        }

        /// `dtactl` at the firm.
        @discardableResult
        func dtactl(_ arguments: [String]) throws -> Finished { try firm.dtactl(arguments) }

        /// The firm's orders, the newest first.
        func orders() throws -> [String] {
            try firm.client().call(.listOrders(count: 1000, filters: [("sort", "-created")])).orders.map(\.cid)
        }

        func state(_ order: String) throws -> String? { try hosts[1].state(order) }
    }

    private enum Act: String { case create, redeem, approve }

    private static func create(_ type: String, approved: Bool = false) -> [String] {
        ["order", "create", "--principal", "acme", "--fiduciary", "bank", "--redeem", "acme", "--type", type, "--wait"]
            + (type == "sign" ? ["--field", "algorithm=ed25519"] : []) + (approved ? ["--approver", "judge"] : [])
    }

    private static let message = "pay 5"

    private static func arguments(_ act: Act, _ order: String, _ type: String, _ files: TemporaryDirectory) -> [String]
    {
        switch act {
        case .create: create(type)
        case .redeem:
            ["order", "redeem", order, "--as", "acme", "--purpose", "why not"]
                + (type == "sign" ? ["--message", files.file("message")] : [])
        case .approve: ["order", "approve", order, "--as", "judge", "--yes"]
        }
    }

    /// Brings an order to its end from wherever it is, by commands that a person would repeat.
    private func finish(_ order: String, _ type: String, _ hosts: Hosts, _ files: TemporaryDirectory) throws {
        for _ in 0..<6 {
            switch try hosts.state(order) {
            case "ordered": try hosts.dtactl(["order", "send", order])
            case "committed": try hosts.dtactl(Self.arguments(.redeem, order, type, files))
            case "requested":
                let needed = try hosts.firm.client().call(.showOrder(order)).orders.first?.approvals ?? 0
                if needed > 0 { try hosts.dtactl(Self.arguments(.approve, order, type, files)) }
                try hosts.dtactl(["order", "send", order])
            default: return
            }
        }
        throw TestFailure(
            "\(order) does not end: it is \(try hosts.state(order) ?? "unknown")\n\(hosts.bank.log)\n\(hosts.firm.log)")
    }

    /// One commitment, one redemption, one release, the same on both hosts and in both ledgers, and a result that fits.
    private func check(_ order: String, _ type: String, _ hosts: Hosts, _ what: String) throws {
        let there = try hosts.bank.client().call(.showOrder(order))
        let here = try hosts.firm.client().call(.showOrder(order))
        let approvals = (there.orders.first?.approvals ?? 0) > 0 ? ["approval"] : []
        for shown in [here, there] {
            #expect(shown.orders.first?.state == "exhausted", "\(what)")
            #expect(
                shown.parts.map(\.kind).sorted()
                    == (["order", "commitment", "redemption", "release"] + approvals).sorted(),
                "\(what)")
            #expect(shown.parts.allSatisfy { $0.status == "accepted" }, "\(what)")
        }
        #expect(Set(here.parts.map(\.cid)) == Set(there.parts.map(\.cid)), "\(what)")
        // Nothing more was ever signed and kept, known as a part or not.
        for agent in [hosts.bank, hosts.firm] {
            let thread = try agent.client().call(.envelopeThread(order, count: 1000)).envelopes
            #expect(Set(thread.map(\.cid)) == Set(here.parts.map(\.cid)), "\(what)")
        }
        let result = try [UInt8](hosts.firm.client().call(.orderResult(order)).data)
        let commitment = [UInt8](try #require(here.orders.first).commitment)
        if type == "sign" {
            let key = try Curve25519.Signing.PublicKey(rawRepresentation: commitment)
            #expect(key.isValidSignature(result, for: Array(Self.message.utf8)), "\(what)")
        } else {
            #expect(try Secp256k1Scalar(result).publicKey.bytes == commitment, "\(what)")
        }
        #expect(try hosts.dtactl(["order", "verify", order, "--complete"]).status == 0, "\(what)")
    }

    /// As many secrets as orders: keys on the token, rows, and what the epochs have counted.
    private func checkSecrets(_ orders: [(cid: String, type: String)], _ hosts: Hosts) throws {
        #expect(hosts.bank.stop() == 0)
        let counted = try run(
            "python3",
            [
                "-c",
                """
                import sqlite3, sys
                base = sqlite3.connect("file:" + sys.argv[1] + "?mode=ro", uri=True)
                one = lambda sql: base.execute(sql).fetchone()[0]
                print(one("SELECT count(*) FROM orders"), one("SELECT count(*) FROM order_secrets"),
                      one("SELECT sum(count) FROM epochs"))
                """, hosts.bank.state + "/state.sqlite",
            ])
        #expect(counted.text == "\(orders.count) \(orders.count) \(orders.count)\n", "\(counted.text)\(counted.errors)")
        let pin = try String(contentsOfFile: hosts.bank.state + "/hsm-pin", encoding: .utf8)
            .trimmingCharacters(in: .whitespacesAndNewlines)
        let listing = try run(
            "pkcs11-tool",
            [
                "--module", "/usr/lib/softhsm/libsofthsm2.so", "--token-label", "dta", "--login", "--pin", pin,
                "--list-objects", "--type", "privkey",
            ], environment: ["SOFTHSM2_CONF": hosts.bank.state + "/softhsm2.conf"])
        let keys = listing.text.components(separatedBy: "dta/order/").count - 1
        #expect(keys == orders.count { $0.type == "sign" }, "\(listing.text)")
    }

    /// Who is killed where, in which act, in an order of which type.
    private struct Step {
        let victim: String
        let point: String
        let act: Act
        let type: String

        init(_ victim: String, _ point: String, _ act: Act, _ type: String = "secret") {
            (self.victim, self.point, self.act, self.type) = (victim, "order." + point, act, type)
        }
    }

    private static let steps: [Step] = {
        var steps: [Step] = []
        // A key on the token where one is made, a sealed seed where it is released; OrderCrashTests has both everywhere.
        for point in ["commit.1", "commit.2", "commit.3"] { steps.append(Step("bank", point, .create, "sign")) }
        for point in ["receive.2", "release.1", "release.2"] { steps.append(Step("bank", point, .redeem)) }
        steps += [Step("bank", "receive.1", .create), Step("bank", "receive.2", .approve)]
        steps += [Step("bank", "release.2", .approve, "sign")]
        for point in ["create.1", "create.2", "receive.2"] { steps.append(Step("firm", point, .create)) }
        for point in ["redeem.1", "redeem.2"] { steps.append(Step("firm", point, .redeem, "sign")) }
        steps += [Step("firm", "receive.2", .redeem)]
        for point in ["approve.1", "approve.2"] { steps.append(Step("firm", point, .approve)) }
        return steps
    }()

    @Test("an agent killed at any point of any step of an order gives the same answer again, and there is one secret")
    func everyStep() throws {
        let hosts = try Hosts()
        let files = try TemporaryDirectory()
        try files.write("message", Self.message)
        // What is killed later is made first, while all is well.
        var prepared: [String] = []
        for step in Self.steps where step.act != .create {
            let made = try hosts.dtactl(Self.create(step.type, approved: step.act == .approve))
            let order = made.text.trimmingCharacters(in: .newlines)
            if step.act == .approve { try hosts.dtactl(Self.arguments(.redeem, order, step.type, files)) }
            #expect(try hosts.state(order) == (step.act == .approve ? "requested" : "committed"), "\(made.errors)")
            prepared.append(try #require(hosts.firm.client().call(.showOrder(order)).orders.first).cid)
        }
        var orders: [(cid: String, type: String)] = []
        for step in Self.steps {
            let what = "\(step.victim) at \(step.point), \(step.act.rawValue) of \(step.type)"
            let victim = step.victim == "bank" ? hosts.bank : hosts.firm
            let before = try hosts.orders()
            var order = step.act == .create ? "" : prepared.removeFirst()
            #expect(victim.stop() == 0)
            try victim.start(environment: ["DTAD_CRASH_AT": step.point])
            let arguments = Self.arguments(step.act, order, step.type, files)
            // With --wait, what cannot be carried any more would be waited for.
            let said = try hosts.dtactl(arguments.filter { $0 != "--wait" })
            #expect(said.status != 0, "\(what): \(said.text)")
            #expect(victim.waitForEnd() == 128 + SIGKILL, "\(what)")
            try victim.start()
            if step.act == .create {
                // What was never stored is ordered anew.
                if try hosts.orders().count == before.count { try hosts.dtactl(Self.create(step.type)) }
                let new = try hosts.orders().filter { !before.contains($0) }
                #expect(new.count == 1, "\(what)")
                order = try #require(new.first)
            }
            try finish(order, step.type, hosts, files)
            try check(order, step.type, hosts, what)
            orders.append((order, step.type))
        }
        try checkSecrets(orders, hosts)
    }

    @Test("an agent killed at whatever moment, with the request on its way or under way, leaves an order that goes on")
    func atAnyMoment() throws {
        let hosts = try Hosts()
        let files = try TemporaryDirectory()
        try files.write("message", Self.message)
        var orders: [(cid: String, type: String)] = []
        for (number, milliseconds) in [1, 10, 20, 30, 40, 50, 70, 100].enumerated() {
            let type = number % 2 == 0 ? "secret" : "sign"
            let victim = number % 4 < 2 ? hosts.bank : hosts.firm
            let what = "after \(milliseconds) ms"
            let before = try hosts.orders()
            func kill(_ arguments: [String]) throws {
                let command = try Subprocess(Binary.path("dtactl"), arguments + ["--socket", hosts.firm.socketPath])
                usleep(UInt32(milliseconds) * 1000)  // pause: the moment at which it is killed
                victim.crash()
                _ = command.wait()
                try victim.start()
            }
            try kill(Self.create(type).filter { $0 != "--wait" })
            if try hosts.orders().count == before.count { try hosts.dtactl(Self.create(type)) }
            let order = try #require(hosts.orders().first { !before.contains($0) })
            if try hosts.state(order) == "ordered" { try hosts.dtactl(["order", "send", order]) }
            #expect(try hosts.state(order) == "committed", "\(what)")
            try kill(Self.arguments(.redeem, order, type, files))
            try finish(order, type, hosts, files)
            try check(order, type, hosts, what)
            orders.append((order, type))
        }
        try checkSecrets(orders, hosts)
    }
}
