import AgentProtocol
import DTACore
import DTASSH

/// The keys as ssh.sock shows them, for the tools of people.
enum SSHOperations {
    static let all = [list]

    private static let list = Operation(
        .sshList, "ssh.list", isSynced: false, answersSecret: false, isAboutTheAgent: false, detail: .none,
        begins: .atOnce,
        reads: { _ in },
        calls: { call, _ in
            let identities = call.agent.ssh.identities(call.caller, on: SSHBindings())
            return try call.answer { $0.sshKeys = try identities.map(AgentSSHKey.init) }
        })
}

extension AgentSSHKey {
    fileprivate init(_ identity: SSHIdentity) throws {
        self.init()
        key = try AgentKey(identity.key)
        comment = identity.comment
        sshOnly = identity.isForSSHAlone
    }
}
