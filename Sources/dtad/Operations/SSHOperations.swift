import AgentProtocol
import DTACore
import DTASSH
import Foundation

/// The keys as ssh.sock shows them, and what their users decide about that.
enum SSHOperations {
    static let all = [list, arrange, constrain, certificate]

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
}

extension AgentSSHKey {
    fileprivate init(_ identity: SSHIdentity) throws {
        self.init()
        key = try AgentKey(identity.key)
        comment = identity.comment
        sshOnly = identity.isForSSHAlone
        hidden = identity.isHidden
        certificates = identity.certificates.map { Data($0.blob) }
        destinations = identity.destinations.map(\.description)
    }
}
