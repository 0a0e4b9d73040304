import CustodyProtocol
import DTAAgent
import DTAConfiguration
import DTACore
import DTAEnvelopes
import DTAFormats
import DTAIdentities
import DTASystem
import Foundation
import Logging
import TestSupport

/// An agent's core on a directory of its own, with a custodian in software.
struct Host {
    let path: String
    let core: Agent
    let custodian: SoftwareCustodian
    let forgotten: Locked<[ObjectID]>
    private let directory: TemporaryDirectory?

    init(
        grants: [Configuration.Grant] = [], orders: [Configuration.Orders.Rule] = [Configuration.Orders.Rule()],
        clock: WallClock = .system, limits: (inout Configuration.Limits) -> Void = { _ in }
    ) throws {
        let directory = try TemporaryDirectory()
        try self.init(
            directory.path, keeping: directory, grants: grants, orders: orders, clock: clock, limits: limits)
        try core.recover(custodian)
    }

    /// On a directory that is there already, as after a restart; nothing is recovered yet.
    init(
        _ path: String, keeping directory: TemporaryDirectory? = nil, grants: [Configuration.Grant] = [],
        orders: [Configuration.Orders.Rule] = [Configuration.Orders.Rule()], clock: WallClock = .system,
        limits: (inout Configuration.Limits) -> Void = { _ in }
    ) throws {
        self.path = path
        self.directory = directory
        var configuration = Configuration(state: path)
        configuration.grants = grants
        configuration.orders.accept = orders
        limits(&configuration.limits)
        let forgotten = Locked<[ObjectID]>([])
        core = try Agent(
            configuration, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, clock: clock
        ) { id in
            forgotten.withLock { $0.append(id) }
        }
        self.forgotten = forgotten
        custodian = try SoftwareCustodian(path + "/token")
    }

    @discardableResult
    func key(_ name: String, _ type: KeyType = .p256, of caller: Caller = alice) throws -> KeyRecord {
        try core.keys.create(caller, name: name, type: type)(custodian)
    }

    @discardableResult
    func identity(_ name: String, of caller: Caller = alice) throws -> KnownIdentity {
        try core.identities.create(caller, name: name)(custodian)
    }
}

extension EnvelopeService {
    func seal(
        _ caller: Caller, sender: String, recipients: [String], data: [UInt8], contentType: String,
        isPublic: Bool = false, replyTo: String = ""
    ) throws -> CustodyStep<CID> {
        let address = Address(
            sender: sender, recipients: recipients, isPublic: isPublic, contentType: contentType, replyTo: replyTo)
        return try seal(caller, address, data: data)
    }
}

func user(_ name: String, _ uid: UInt32, groups: [UInt32] = []) -> Caller {
    Caller(pid: 100, uid: uid, gid: uid, groups: groups, userName: name)
}

let root = user("root", 0)
let alice = user("alice", 1000)
let bob = user("bob", 1001)
let carol = user("carol", 1002)

func grant(
    _ to: [String], keys: [String] = [], identities: [String] = [], _ operations: [String], imported: Bool = true
) -> Configuration.Grant {
    Configuration.Grant(
        to: to, keys: keys, identities: identities, operations: operations, coversImported: imported, line: 7)
}

/// The code with which `body` is refused; nil where it is not.
func code(_ body: () throws -> Void) -> ErrorCode? {
    do {
        try body()
        return nil
    } catch {
        return DTAError(error).code
    }
}

/// The error with which `body` is refused.
func refusal(_ body: () throws -> Void) throws -> DTAError {
    do { try body() } catch { return DTAError(error) }
    throw TestFailure("it was not refused")
}
