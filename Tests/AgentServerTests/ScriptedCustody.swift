import AgentServer
import CustodyProtocol
import DTABytes
import DTASystem
import Glibc

/// An HSM process whose only operation is `random`, which hangs while the test says so. What the workers do around an
/// HSM call is tested with it, under the thread sanitizer; real ones are tested with the whole agent.
final class ScriptedProcess: CustodyProcess {
    private struct State {
        var broken = false
        var ended = false
        var forgotten: [ObjectID] = []
    }

    private let state = Locked(State())
    private let ends: (Descriptor, Descriptor)
    let script: Script

    init(_ script: Script) throws {
        self.script = script
        ends = try UnixSocket.pair()
    }

    var custodian: any Custodian { ScriptedCustodian(self) }
    var isBroken: Bool { state.withLock { $0.broken } }
    var mayBeReplaced: Bool { true }
    var hasEnded: Bool { state.withLock { $0.ended } }
    var forgotten: [ObjectID] { state.withLock { $0.forgotten } }
    var socket: Int32 { ends.0.number }

    func pin(to processor: Int32) {}
    func end() { state.withLock { $0.ended = true } }

    /// As if the process had died: its end of the connection is shut.
    func die() { shutdown(ends.1.number, Int32(SHUT_RDWR)) }

    func random(_ count: Int) throws -> [UInt8] {
        if script.waitWhileHanging() { return [UInt8](repeating: 7, count: count) }
        state.withLock { $0.broken = true }
        throw DTAError(.unavailable, "the scripted process broke")
    }

    func forget(_ id: ObjectID) { state.withLock { $0.forgotten.append(id) } }
}

/// What the scripted processes of one test do.
final class Script: Sendable {
    private struct State {
        var hanging = false
        var breaking = false
        var refusal: DTAError?
        var processes: [ScriptedProcess] = []
        var calls = 0
    }

    private let state = Monitor(State())

    func hang() { state.withLock { $0.hanging = true } }

    /// Lets what hangs go on, or break.
    func release(breaking: Bool = false) {
        state.withLock {
            $0.hanging = false
            $0.breaking = breaking
        }
        for _ in 0..<64 { state.withLockSignalling { _ in } }
    }

    func refuseStarts(_ reason: DTAError?) { state.withLock { $0.refusal = reason } }

    var processes: [ScriptedProcess] { state.withLock { $0.processes } }
    /// How many calls have begun.
    var calls: Int { state.withLock { $0.calls } }

    /// - Returns: false where the process is to break.
    func waitWhileHanging() -> Bool {
        state.withLock { $0.calls += 1 }
        return state.wait { $0.hanging ? nil : !$0.breaking } ?? false
    }

    var launcher: CustodyPool.Launcher {
        { [self] () throws(CustodyLaunchError) in
            if let refusal = state.withLock({ $0.refusal }) {
                throw CustodyLaunchError(reason: refusal, mayRetry: true)
            }
            do {
                let process = try ScriptedProcess(self)
                state.withLock { $0.processes.append(process) }
                return process
            } catch {
                throw CustodyLaunchError(reason: DTAError(error), mayRetry: false)
            }
        }
    }
}

final class ScriptedCustodian: Custodian {
    private let process: ScriptedProcess

    init(_ process: ScriptedProcess) { self.process = process }

    func ask<Message: CustodyMessage>(_ message: Message) throws -> Message.Answer {
        let answer: Any? =
            switch message {
            case let asked as DrawRandom: SecretReference(copying: try process.random(asked.count))
            case let asked as ForgetObject: process.forget(asked.id)
            default: nil
            }
        guard let answer = answer as? Message.Answer else {
            throw DTAError(.internal, "the workers' tests do not ask for \(Message.operation)")
        }
        return answer
    }
}
