import AgentServer
import DTAAgent
import DTABytes
import DTACore
import DTASSH
import DTASystem
import Logging

/// One program that speaks the agent protocol of SSH: which sessions its connection is bound to, and what it asks.
final class SSHConversation: FrameConversation {
    private let agent: Agent
    private let caller: Caller
    private let logger: Logger
    private let bindings = Locked(SSHBindings())
    /// Of this connection, and of no other.
    private let number = SSHConversation.numbers.withLock { last in
        last += 1
        return last
    }
    private static let numbers = Locked<UInt64>(0)
    private static let fewKeys = 1000

    init(_ agent: Agent, _ caller: Caller, _ logger: Logger) {
        self.agent = agent
        self.caller = caller
        self.logger = logger
    }

    private func call(_ operation: String) -> SSHCall { SSHCall(operation, from: caller, agent, logger) }

    func prepare(_ frame: SecretReference) -> Step {
        let request: SSHAgentRequest
        do throws(SSHFormatError) {
            request = try SSHAgentRequest(frame)
        } catch {
            // A binding that cannot be read is one that failed.
            let type = frame.withBytes { $0.isEmpty ? 0 : $0[0] }
            if type == SSHAgentRequest.extensionCode { bindings.withLock { $0.noteAttempt() } }
            return call("ssh.malformed").refused(
                SSHRefusal(.malformed, .invalidArgument, "a message is malformed: \(error.reason)"))
        }
        let call = call(request.operation)
        do {
            if let halt = agent.halt { throw halt }
            return try answer(request, call)
        } catch {
            return call.refused(error)
        }
    }

    func turnAway(_ frame: SecretReference, because reason: DTAError) -> Outcome {
        let operation = (try? SSHAgentRequest(frame))?.operation ?? "ssh.malformed"
        return call(operation).finish(.failure(reason))
    }

    func breakOff(because reason: DTAError, isCutShort: Bool) -> Outcome {
        call("ssh.malformed").finish(
            .failure(SSHRefusal(isCutShort ? .cutShort : .malformed, reason.code, reason.message)))
    }

    private func answer(_ request: SSHAgentRequest, _ call: SSHCall) throws -> Step {
        switch request {
        case .listIdentities:
            let bindings = bindings.withLock { $0 }
            let list: @Sendable () -> Step = { [agent, caller] in
                call.answer(.identities(agent.ssh.offers(caller, on: bindings)))
            }
            // All users' keys are looked at: if there are many, no worker waits for that.
            return agent.keys.count <= SSHConversation.fewKeys ? list() : .lane(.reading, list)
        case .sign(let key, let data, let flags): return try sign(key, data, flags, call)
        case .bind(let request):
            let obstacle = bindings.withLock { bindings -> SSHObstacle? in
                do throws(SSHObstacle) {
                    try bindings.add(request)
                    return nil
                } catch {
                    return error
                }
            }
            if let obstacle { throw SSHRefusal(obstacle) }
            return call.noting(request.binding).answer(.success)
        case .query: return call.answer(.extensions([SSHAgentRequest.bindName]))
        case .add:
            throw SSHRefusal(
                .noAdding, .failedPrecondition,
                "keys are not added on ssh.sock: dtactl key create makes one in the HSM")
        case .removeIdentity(let wanted):
            let key = try agent.ssh.key(caller, wanted)
            return changing(call.about(key), in: .durable) { try $0.hide($1, key, on: $2) }
        case .removeAllIdentities: return changing(call, in: .durable) { try $0.hideAll($1, on: $2) }
        case .lock(let passphrase): return changing(call, in: .bulk) { try $0.lock($1, passphrase, on: $2) }
        case .unlock(let passphrase): return changing(call, in: .bulk) { try $0.unlock($1, passphrase, on: $2) }
        case .removeToken, .unknownExtension, .unknown: throw SSHRefusal(.unknownRequest, .invalidArgument)
        }
    }

    /// Changes what the user decided, in a lane, and has the record on the disk before the answer.
    private func changing(
        _ call: SSHCall, in lane: LaneName,
        _ change: @escaping @Sendable (SSHService, Caller, SSHBindings) throws -> Void
    ) -> Step {
        let bindings = bindings.withLock { $0 }
        return .lane(lane) { [agent, caller] in
            let result = Result {
                try change(agent.ssh, caller, bindings)
                return SSHAgentAnswer.success
            }
            return .answer(call.finish(result, durable: true))
        }
    }

    // MARK: Signing

    /// What a client wants to have signed.
    private struct Wanted: Sendable {
        let key: SSHKey
        let data: [UInt8]
        let content: SSHSignedData
        let flags: UInt32
        let bindings: SSHBindings
    }

    private func sign(_ key: SSHKey, _ data: [UInt8], _ flags: UInt32, _ call: SSHCall) throws -> Step {
        let wanted = Wanted(
            key: key, data: data, content: SSHSignedData(data, by: key.plain), flags: flags,
            bindings: bindings.withLock { $0 })
        var call = call.noting(wanted.content, wanted.bindings)
        do {
            let key = try agent.ssh.key(caller, wanted.key)
            call = call.about(key)
            let step = try judge(key, wanted)
            let mode = agent.ssh.confirmation(caller, with: key, wanted.content, on: wanted.bindings)
            guard let mode else { return carryOut(step, call) }
            let scope = scope(wanted.bindings)
            if mode == .session, agent.ssh.confirmations.remembers(caller.uid, key.object, scope) {
                return carryOut(step, call.noting(confirmed: "session"))
            }
            let question = agent.ssh.question(caller, with: key, wanted.content, on: wanted.bindings, mode: mode)
            return try ask(question, call) { [self, call] in
                // The answer may have taken long: what held when it was asked for may not hold any more.
                let key = try agent.ssh.key(caller, wanted.key)
                if let halt = agent.halt { throw halt }
                let step = try judge(key, wanted)
                if mode == .session { agent.ssh.confirmations.remember(caller.uid, key.object, scope) }
                return carryOut(step, call.noting(confirmed: "yes"))
            }
        } catch {
            return call.refused(error)
        }
    }

    private func judge(_ key: KeyRecord, _ wanted: Wanted) throws -> CustodyStep<SSHSignature> {
        try agent.ssh.sign(
            caller, with: key, data: wanted.data, wanted.content, flags: wanted.flags, on: wanted.bindings)
    }

    private func carryOut(_ step: @escaping CustodyStep<SSHSignature>, _ call: SSHCall) -> Step {
        .custody { access in
            let result = Result { SSHAgentAnswer.signature(try step(try access.get())) }
            return { call.finish(result) }
        }
    }

    /// Asks the user, and waits for the answer without holding anything.
    /// - Parameter goesOn: what is done if the user said yes.
    private func ask(
        _ question: SSHQuestion, _ call: SSHCall, goesOn: @escaping @Sendable () throws -> Step
    ) throws -> Step {
        let confirmations = agent.ssh.confirmations
        let id = SSHConfirmations.newName()
        let wait = Wait { end in
            let why: SSHObstacle = end == .stopping ? .stopping : .clientGone
            confirmations.withdraw(id, because: why)
            return call.refused(SSHRefusal(why, .unavailable))
        }
        let now = monotonicNanoseconds()
        let deadline = now + UInt64(agent.policy.current.confirmSeconds) * 1_000_000_000
        do throws(SSHObstacle) {
            try confirmations.ask(question, of: caller.uid, id: id, now: now, deadline: deadline) { verdict in
                wait.resume {
                    if case .refused(let why) = verdict { return call.refused(SSHRefusal(why)) }
                    do { return try goesOn() } catch { return call.refused(error) }
                }
            }
        } catch {
            switch error {
            case .noListener:
                throw SSHRefusal(
                    error, .permissionDenied, "\(error.sentence): dtactl confirm --listen is one that does")
            default: throw SSHRefusal(error, .resourceExhausted)
            }
        }
        return .waiting(wait)
    }

    /// For what a confirmation once a session holds.
    private func scope(_ bindings: SSHBindings) -> SSHConfirmations.Scope {
        guard let first = bindings.all.first else { return .connection(number) }
        return .session(pid: caller.pid, id: first.sessionID, isForwarded: bindings.areForwarded)
    }
}

extension SSHAgentRequest {
    /// Its name in the audit log.
    fileprivate var operation: String {
        switch self {
        case .listIdentities: "ssh.identities"
        case .sign: "ssh.sign"
        case .bind: "ssh.bind"
        case .query: "ssh.query"
        case .add: "ssh.add"
        case .removeIdentity, .removeAllIdentities: "ssh.hide"
        case .lock: "ssh.lock"
        case .unlock: "ssh.unlock"
        case .removeToken, .unknownExtension, .unknown: "ssh.unknown"
        }
    }
}
