import CustodyProtocol
import DTACore
import DTAFormats
import DTASystem

/// A successor that waits for the signature of an offline recovery key. Its keys are on the token; their intent is
/// durable, so that a sweep destroys them if the signature never comes.
struct RecoveryDraft: Sendable {
    let owner: Owner
    let plan: IdentityPlan
    let predecessor: SignedIdentity
    let keys: IdentityKeys
    let made: MadeIdentity
    /// On the monotonic clock.
    let expires: UInt64
}

/// The drafts of recoveries, in memory only: after a restart a user begins again.
final class RecoveryDrafts: Sendable {
    /// How long a draft and its name wait, in nanoseconds: the client has the recovery key at hand.
    static let lifetime: UInt64 = 600 * 1_000_000_000
    static let perUser = 8
    static let all = 64

    private let drafts = Locked<[String: RecoveryDraft]>([:])

    func check(_ owner: Owner) throws { try drafts.withLock { try RecoveryDrafts.check($0, owner) } }

    private static func check(_ drafts: [String: RecoveryDraft], _ owner: Owner) throws {
        let own = drafts.values.count { $0.owner == owner }
        // A user's first is always allowed, so that other users together cannot prevent it.
        guard own == 0 || (own < perUser && drafts.count < all) else {
            throw DTAError(
                .resourceExhausted, "too many recoveries wait to be finished: \(perUser) of a user, \(all) in all",
                hint: "finish one, or wait ten minutes: then what was not finished is dropped")
        }
    }

    /// - Returns: the draft's name.
    func add(_ draft: RecoveryDraft) throws -> String {
        try drafts.withLock { drafts in
            try RecoveryDrafts.check(drafts, draft.owner)
            let name = ObjectID.random().text
            drafts[name] = draft
            return name
        }
    }

    /// Takes out a draft of the caller: it is used once, with or without success.
    func take(_ name: String, _ caller: Caller) throws -> RecoveryDraft {
        try drafts.withLock { drafts in
            guard let draft = drafts[name], draft.owner.isSame(as: caller) else {
                throw DTAError(
                    .notFound, "user \(caller.display) has no recovery \(quoted(name)) that waits to be finished",
                    helps: .beginRecovery)
            }
            drafts[name] = nil
            return draft
        }
    }

    /// Takes out the drafts of a user under one name on this host, because the user begins again.
    func abandoned(by owner: Owner, name: String) -> [RecoveryDraft] {
        takeOut { $0.owner == owner && $0.plan.name == name }
    }

    /// Takes out the drafts that waited too long.
    func expired(at now: UInt64) -> [RecoveryDraft] {
        takeOut { $0.expires <= now }
    }

    private func takeOut(_ isMeant: (RecoveryDraft) -> Bool) -> [RecoveryDraft] {
        drafts.withLock { drafts in
            let meant = drafts.filter { isMeant($0.value) }
            for name in meant.keys { drafts[name] = nil }
            return Array(meant.values)
        }
    }
}
