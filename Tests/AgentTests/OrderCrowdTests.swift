import AgentProtocol
import Crypto
import DTAFormats
import DTASystem
import Foundation
import TestSupport
import Testing

/// A hundred clients at once, each with a connection and a thread of its own.
@Suite("A crowd at one fiduciary", .ownThread)
struct OrderCrowdTests {
    private static let clients = 100
    private static let uses = 30
    private static let patience = Duration.seconds(120)

    /// What one client says when it is done.
    private enum Outcome: Sendable {
        case kept
        /// The use that it got.
        case signed(UInt32)
        case tooLate
        case looked
        case wrong(String)
    }

    @Test("a crowd at one fiduciary is served to the last one: each has its own answer, and no use is released twice")
    func crowd() throws {
        let agent = try TestAgent(more: automaticOrders)
        let client = agent.client()
        for name in ["alice", "bank"] { _ = try client.call(.createIdentity(name)) }
        let shared = try #require(
            client.call(
                newOrder {
                    $0.type = "sign"
                    $0.fields = [AgentField(name: "algorithm", value: "ed25519")]
                    $0.maxUses = UInt32(Self.uses)
                }
            ).orders.first)
        let outcomes = Monitor<[Outcome]>([])
        for number in 0..<Self.clients {
            Foundation.Thread.detachNewThread {
                let client = BlockingAgentClient(socketPath: agent.socketPath)
                let outcome: Outcome
                do {
                    switch number % 4 {
                    case 0: outcome = try Self.keepOne(client)
                    case 1: outcome = try Self.look(client, shared.cid)
                    default: outcome = try Self.sign(client, shared, "message \(number)")
                    }
                } catch {
                    outcome = .wrong("client \(number): \(error)")
                }
                outcomes.withLockSignalling { $0.append(outcome) }
            }
        }
        let all = outcomes.wait { $0.count == Self.clients ? $0 : nil } ?? []
        #expect(all.count == Self.clients)
        var uses: [UInt32] = []
        for outcome in all {
            switch outcome {
            case .signed(let use): uses.append(use)
            case .wrong(let what): Issue.record("\(what)")
            case .kept, .tooLate, .looked: break
            }
        }
        #expect(uses.sorted() == (1...UInt32(Self.uses)).map { $0 })
        let shown = try client.call(.showOrder(shared.cid))
        #expect(shown.orders.first?.state == "exhausted")
        for kind in ["redemption", "release"] {
            let parts = shown.parts.filter { $0.kind == kind && $0.status == "accepted" }
            #expect(parts.map(\.use) == (1...UInt32(Self.uses)).map { $0 }, "\(kind)")
        }
        #expect(try client.call(.verifyAudit()).valid)
    }

    /// An order of its own, from beginning to end.
    private static func keepOne(_ client: BlockingAgentClient) throws -> Outcome {
        guard let order = try client.call(newOrder(), timeout: patience).orders.first else { return .wrong("no order") }
        let redeemed = try client.call(.redeemOrder(order.cid), timeout: patience).orders.first
        guard redeemed?.cid == order.cid, redeemed?.state == "exhausted" else { return .wrong("another's answer") }
        let secret = try client.call(.orderResult(order.cid), timeout: patience).data
        let fits = try Secp256k1Scalar([UInt8](secret)).publicKey.bytes == [UInt8](order.commitment)
        return fits ? .kept : .wrong("the secret does not fit its commitment")
    }

    /// One use of what all the others want too.
    private static func sign(_ client: BlockingAgentClient, _ order: AgentOrder, _ message: String) throws -> Outcome {
        let key = try Curve25519.Signing.PublicKey(rawRepresentation: [UInt8](order.commitment))
        while true {
            do {
                let answer = try client.call(
                    .redeemOrder(order.cid, purpose: message, data: Array(message.utf8)), timeout: patience)
                guard let release = answer.parts.last(where: { $0.kind == "release" }) else {
                    return .wrong("a redemption without an answer")
                }
                let signature = try client.call(.orderResult(order.cid, use: release.use), timeout: patience).data
                let fits = key.isValidSignature(signature, for: Array(message.utf8))
                return fits ? .signed(release.use) : .wrong("a signature of something else")
            } catch let error as DTAError where error.code == .failedPrecondition {
                // Another's is open just now, or all were released.
                if error.message.contains("all \(uses) uses") { return .tooLate }
                usleep(5000)  // pause: between two tries
            }
        }
    }

    /// Reads meanwhile: no order stands twice in a list, and no use is ever taken back.
    private static func look(_ client: BlockingAgentClient, _ order: String) throws -> Outcome {
        var uses: UInt32 = 0
        for _ in 0..<10 {
            let listed = try client.call(.listOrders(count: 1000, filters: [("sort", "created")]), timeout: patience)
                .orders.map(\.cid)
            guard Set(listed).count == listed.count, listed.contains(order) else {
                return .wrong("a list that is none")
            }
            let shown = try client.call(.showOrder(order), timeout: patience)
            guard let now = shown.orders.first, now.uses >= uses else { return .wrong("a use that was taken back") }
            uses = now.uses
            let releases = shown.parts.filter { $0.kind == "release" }.map(\.use)
            guard Set(releases).count == releases.count, releases.count == Int(now.uses) else {
                return .wrong("\(releases.count) releases of \(now.uses) uses")
            }
        }
        return .looked
    }
}
