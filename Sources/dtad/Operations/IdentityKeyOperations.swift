import AgentProtocol
import DTASystem
import Foundation

/// Replacing and revoking an identity's keys.
enum IdentityKeyOperations {
    static let all = [rotate, revoke, recover, finishRecovery]

    private static let rotate = Operation(
        .identityRotate, "identity.rotate", isSynced: true, answersSecret: false, isAboutTheAgent: false, detail: .none,
        begins: .atOnce,
        reads: { (name: $0.subject, recovery: [UInt8]($0.recovery), postQuantum: $0.postQuantum) },
        calls: { call, new in
            let step = try call.agent.identities.rotate(
                call.caller, new.name, recovery: new.recovery, postQuantum: new.postQuantum)
            return call.slow(step) { $1.set($0) }
        })

    private static let revoke = Operation(
        .identityRevoke, "identity.revoke", isSynced: true, answersSecret: false, isAboutTheAgent: false, detail: .none,
        begins: .atOnce,
        reads: { $0.subject },
        calls: { call, subject in
            let identities = call.agent.identities
            let step = try identities.revoke(call.caller, subject)
            return call.noting("identity", identities.meant(by: subject)).slow(step) {
                $1.set($0.identity)
                $1.cid = $0.revocation.description
            }
        })

    private static let recover = Operation(
        .identityRecover, "identity.recover", isSynced: true, answersSecret: false, isAboutTheAgent: false,
        detail: .none, begins: .atOnce,
        reads: {
            (
                name: $0.subject, subject: try onlyIdentity(of: $0), recovery: [UInt8]($0.recovery),
                postQuantum: $0.postQuantum
            )
        },
        calls: { call, new in
            let step = try call.agent.identities.recover(
                call.caller, name: new.name, subject: new.subject, recovery: new.recovery, postQuantum: new.postQuantum)
            return call.slow(step) {
                $1.cursor = $0.name
                $1.data = Data(try $0.identity.encoded)
            }
        })

    private static let finishRecovery = Operation(
        .identityRecoverFinish, "identity.recover.finish", isSynced: true, answersSecret: false, isAboutTheAgent: false,
        detail: .none, begins: .atOnce,
        reads: { (draft: $0.subject, key: [UInt8]($0.data), signature: [UInt8]($0.signature)) },
        calls: { call, signed in
            let step = try call.agent.identities.finishRecovery(
                call.caller, draft: signed.draft, key: signed.key, signature: signed.signature)
            return call.slow(step) { $1.set($0) }
        })

    private static func onlyIdentity(of request: AgentRequest) throws -> String {
        guard request.identities.count == 1 else {
            throw DTAError(.invalidArgument, "one identity is recovered at a time, not \(request.identities.count)")
        }
        return request.identities[0]
    }
}
