import Crypto
import Testing

@testable import DTASSH

/// The rules of OpenSSH 9.2's ssh-agent.c: `process_ext_session_bind`, `identity_permitted`, `process_sign_request2`.
@Suite("Bindings and destinations")
struct DestinationTests {
    /// A host with its key.
    private struct Server {
        let secret = Curve25519.Signing.PrivateKey()

        var key: SSHPublicKey { .ed25519(Array(secret.publicKey.rawRepresentation)) }

        func binding(_ session: UInt8, forwarding: Bool = false, signing: UInt8? = nil) throws -> SSHBinding.Request {
            let id = [UInt8](repeating: session, count: 32)
            let signed = [UInt8](repeating: signing ?? session, count: 32)
            let raw = try Array(secret.signature(for: signed))
            return SSHBinding.Request(
                SSHBinding(hostKey: SSHKey(key), sessionID: id, isForwarding: forwarding),
                try SSHSignature(raw: raw, by: key, name: "ssh-ed25519"))
        }

        func host(_ name: String) -> SSHDestination.Host { .known(name, [.init(key)]) }
    }

    private let key = SSHPublicKey.ed25519([UInt8](repeating: 1, count: 32))
    private let bastion = Server()
    private let target = Server()
    private let stranger = Server()

    private func login(_ session: UInt8, _ user: String = "alice", host: Server? = nil) throws -> SSHLogin {
        try SSHLogin(
            loginBytes(
                session: [UInt8](repeating: session, count: 32), user: user, key: key, hostKey: host?.key), by: key)
    }

    private func bound(_ requests: SSHBinding.Request...) throws -> SSHBindings {
        var bindings = SSHBindings()
        for request in requests { try bindings.add(request) }
        return bindings
    }

    /// ssh-add -h bastion -h 'bastion>alice@target'
    private var destinations: [SSHDestination] {
        [
            SSHDestination(to: bastion.host("bastion")),
            SSHDestination(from: bastion.host("bastion"), to: target.host("target"), user: "alice"),
        ]
    }

    private func obstacle(_ login: SSHLogin?, _ bindings: SSHBindings) -> SSHObstacle? {
        SSHDestinationRules.obstacle(toSign: login, with: destinations, on: bindings, now: 0)
    }

    private func showing(_ bindings: SSHBindings) -> SSHObstacle? {
        SSHDestinationRules.obstacle(toShow: destinations, on: bindings, now: 0)
    }

    // MARK: Bindings

    @Test("a binding with a wrong signature is refused, and the connection counts as bound from then on")
    func wrongSignature() throws {
        var bindings = SSHBindings()
        #expect(throws: SSHObstacle.badHostSignature) { try bindings.add(bastion.binding(1, signing: 2)) }
        #expect(bindings.all.isEmpty && bindings.wasAttempted && bindings.areForwarded)
        #expect(showing(bindings) == .bindingFailed)
        #expect(obstacle(try login(1), bindings) == .bindingFailed)
    }

    @Test("a session is bound once, by any key; nothing is bound after a log-in; the 17th binding is refused")
    func order() throws {
        var bindings = try bound(bastion.binding(1, forwarding: true))
        #expect(throws: SSHObstacle.sessionBoundBefore) { try bindings.add(bastion.binding(1, forwarding: true)) }
        #expect(throws: SSHObstacle.sessionBoundBefore) { try bindings.add(target.binding(1)) }
        try bindings.add(target.binding(2))
        #expect(throws: SSHObstacle.boundForLogin) { try bindings.add(stranger.binding(3)) }

        var many = SSHBindings()
        for session in 1...16 { try many.add(bastion.binding(UInt8(session), forwarding: true)) }
        #expect(throws: SSHObstacle.tooManyBindings) { try many.add(bastion.binding(17, forwarding: true)) }
        #expect(many.all.count == 16)
    }

    // MARK: Signing

    @Test("a constrained key signs nothing on a connection without a binding, and is shown there")
    func unbound() throws {
        #expect(obstacle(try login(1), SSHBindings()) == .unbound)
        #expect(showing(SSHBindings()) == nil)
    }

    @Test("a constrained key signs a log-in at its host, of the last session, and nothing else")
    func direct() throws {
        let bindings = try bound(bastion.binding(1))
        #expect(obstacle(try login(1), bindings) == nil)
        #expect(obstacle(try login(1, host: bastion), bindings) == nil)
        #expect(obstacle(nil, bindings) == .noLogin)
        #expect(obstacle(try login(2), bindings) == .otherSession)
        #expect(obstacle(try login(1, host: target), bindings) == .otherHost)
        #expect(obstacle(try login(1), try bound(stranger.binding(1))) == .wrongDestination)
        // The target is for the way over the bastion.
        #expect(obstacle(try login(1), try bound(target.binding(1))) == .wrongDestination)
    }

    @Test("behind a hop a constrained key signs for the next host and user only, and only if the log-in names the host")
    func forwarded() throws {
        let bindings = try bound(bastion.binding(1, forwarding: true), target.binding(2))
        #expect(obstacle(try login(2, host: target), bindings) == nil)
        #expect(obstacle(try login(2), bindings) == .hostNotNamed)
        #expect(obstacle(try login(1, host: bastion), bindings) == .otherSession)
        #expect(obstacle(try login(2, "root", host: target), bindings) == .wrongDestination)
        #expect(obstacle(try login(2, host: bastion), bindings) == .otherHost)
        let wrongHop = try bound(stranger.binding(1, forwarding: true), target.binding(2))
        #expect(obstacle(try login(2, host: target), wrongHop) == .wrongDestination)
        let wrongEnd = try bound(bastion.binding(1, forwarding: true), stranger.binding(2))
        #expect(obstacle(try login(2, host: stranger), wrongEnd) == .wrongDestination)
    }

    @Test("a host to which the agent is forwarded can have nothing signed by itself")
    func forwardingHop() throws {
        #expect(
            obstacle(try login(1, host: bastion), try bound(bastion.binding(1, forwarding: true))) == .forwardingHop)
    }

    // MARK: Showing

    @Test("a constrained key is shown to hosts on its way, and to a forwarded host only if it leads on from there")
    func shown() throws {
        #expect(showing(try bound(bastion.binding(1))) == nil)
        #expect(showing(try bound(stranger.binding(1))) == .wrongDestination)
        #expect(showing(try bound(bastion.binding(1, forwarding: true))) == nil)
        #expect(showing(try bound(bastion.binding(1, forwarding: true), target.binding(2))) == nil)
        #expect(showing(try bound(bastion.binding(1, forwarding: true), stranger.binding(2))) == .wrongDestination)
        let ends = try bound(bastion.binding(1, forwarding: true), target.binding(2, forwarding: true))
        #expect(showing(ends) == .wrongDestination)
        let only = [SSHDestination(to: bastion.host("bastion"))]
        let forwarded = try bound(bastion.binding(1, forwarding: true))
        #expect(SSHDestinationRules.obstacle(toShow: only, on: forwarded, now: 0) == .wrongDestination)
    }

    @Test("a destination of any host matches each host, and its user all the same")
    func anyHost() throws {
        let any = [SSHDestination(to: .any, user: "git")]
        let bindings = try bound(stranger.binding(1))
        #expect(SSHDestinationRules.obstacle(toSign: try login(1, "git"), with: any, on: bindings, now: 0) == nil)
        #expect(
            SSHDestinationRules.obstacle(toSign: try login(1), with: any, on: bindings, now: 0) == .wrongDestination)
        #expect(SSHDestinationRules.obstacle(toSign: try login(1, "git"), with: any, on: .init(), now: 0) == .unbound)
    }

    @Test("each obstacle has a word and a sentence of its own")
    func words() {
        #expect(Set(SSHObstacle.allCases.map(\.sentence)).count == SSHObstacle.allCases.count)
        for obstacle in SSHObstacle.allCases {
            #expect(obstacle.rawValue.allSatisfy { $0.isLowercase || $0 == "-" || $0.isNumber })
        }
    }
}
