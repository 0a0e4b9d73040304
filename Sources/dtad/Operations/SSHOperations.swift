import AgentProtocol
import AgentServer
import DTACore
import DTASSH
import DTASystem
import Foundation

/// The keys as ssh.sock shows them, and what their users decide about that.
enum SSHOperations {
    static let all = [list, arrange, constrain, certificate, confirm, next, answer]

    private static let list = Operation(
        .sshList, "ssh.list", isSynced: false, answersSecret: false, isAboutTheAgent: false, detail: .none,
        begins: .atOnce,
        reads: { _ in },
        calls: { call, _ in
            let identities = call.agent.ssh.allIdentities(call.caller)
            let isLocked = call.agent.ssh.hasLock(call.caller)
            return try call.answer {
                $0.sshKeys = try identities.map(AgentSSHKey.init)
                $0.fields = fields([("locked", isLocked ? "yes" : "no")])
            }
        })

    private static let arrange = Operation(
        .sshArrange, "ssh.arrange", isSynced: true, answersSecret: false, isAboutTheAgent: false, detail: .decision,
        begins: .lane(.durable),
        reads: { (key: $0.subject, decision: $0.decision) },
        calls: { call, asked in
            call.done {
                let identity = try call.agent.ssh.arrange(call.caller, name: asked.key, decision: asked.decision)
                $0.sshKeys = [try AgentSSHKey(identity)]
            }
        })

    private static let constrain = Operation(
        .sshConstrain, "ssh.constrain", isSynced: true, answersSecret: false, isAboutTheAgent: false, detail: .none,
        begins: .lane(.durable),
        reads: { (key: $0.subject, destinations: [UInt8]($0.data)) },
        calls: { call, asked in
            call.done {
                let identity = try call.agent.ssh.constrain(call.caller, name: asked.key, encoded: asked.destinations)
                $0.sshKeys = [try AgentSSHKey(identity)]
            }
        })

    private static let certificate = Operation(
        .sshCertificate, "ssh.certificate", isSynced: true, answersSecret: false, isAboutTheAgent: false,
        detail: .decision, begins: .lane(.durable),
        reads: { (key: $0.subject, decision: $0.decision, blob: [UInt8]($0.data)) },
        calls: { call, asked in
            call.done {
                let identity = try call.agent.ssh.certify(
                    call.caller, name: asked.key, decision: asked.decision, blob: asked.blob)
                $0.sshKeys = [try AgentSSHKey(identity)]
            }
        })

    private static let confirm = Operation(
        .sshConfirm, "ssh.confirm", isSynced: true, answersSecret: false, isAboutTheAgent: false,
        detail: .decision, begins: .lane(.durable),
        reads: { (key: $0.subject, decision: $0.decision) },
        calls: { call, asked in
            call.done {
                let identity = try call.agent.ssh.confirm(call.caller, name: asked.key, decision: asked.decision)
                $0.sshKeys = [try AgentSSHKey(identity)]
            }
        })

    // MARK: Questions

    private static let next = Operation(
        .confirmNext, "confirm.next", isSynced: false, answersSecret: false, isAboutTheAgent: false, detail: .none,
        begins: .atOnce,
        reads: { $0.cursor },
        calls: { call, cursor in
            let confirmations = call.agent.ssh.confirmations
            let name = cursor.isEmpty ? SSHConfirmations.newName() : cursor
            let wait = Wait { end in
                // If the agent stops, questions end for that reason.
                if end == .clientGone { confirmations.leave(name) }
                return .answer(call.finish(.failure(end.error)))
            }
            let event = try confirmations.next(
                user: call.caller.uid, listener: name, isNew: cursor.isEmpty, now: monotonicNanoseconds()
            ) { event in wait.resume { call.answer { $0.set(event, for: name) } } }
            guard let event else { return .waiting(wait) }
            return call.answer { $0.set(event, for: name) }
        })

    private static let answer = Operation(
        .confirmAnswer, "confirm.answer", isSynced: false, answersSecret: false, isAboutTheAgent: false,
        detail: .decision, begins: .atOnce,
        reads: { (question: $0.subject, decision: $0.decision) },
        calls: { call, asked in
            guard ["yes", "no"].contains(asked.decision) else {
                throw DTAError(.invalidArgument, "a question is answered by yes or no")
            }
            try call.agent.ssh.confirmations.answer(
                asked.question, user: call.caller.uid, yes: asked.decision == "yes")
            return call.answer { _ in }
        })
}

extension AgentResponse {
    fileprivate mutating func set(_ event: SSHConfirmations.Event, for listener: String) {
        cursor = listener
        switch event {
        case .listening: fields = dtad.fields([("event", "listening")])
        case .question(let id, let question, let seconds):
            fields = dtad.fields(
                [("event", "question"), ("question", id), ("seconds", "\(seconds)")]
                    + question.facts.map { ($0.name, $0.value) })
        case .over(let id): fields = dtad.fields([("event", "over"), ("question", id)])
        }
    }
}

extension AgentSSHKey {
    fileprivate init(_ identity: SSHIdentity) throws {
        self.init()
        key = try AgentKey(identity.key)
        comment = identity.comment
        sshOnly = identity.isForSSHAlone
        hidden = identity.isHidden
        certificates = identity.certificates.map { Data($0.blob) }
        confirm = identity.confirmation?.rawValue ?? ""
        destinations = identity.destinations.map(\.description)
    }
}
