import CustodyProtocol
import DTACore
import DTAFormats
import DTASystem

/// A successor that waits for the word of an offline recovery key. Its keys are on the token; their intent is durable, so
/// that a sweep destroys them where it never comes.
struct RecoveryDraft: Sendable {
    let owner: Owner
    let plan: IdentityPlan
    let predecessor: SignedIdentity
    let keys: IdentityKeys
    let made: MadeIdentity
    /// On the monotonic clock.
    let expires: UInt64
}

/// The drafts of recoveries, in memory only: after a restart one begins again.
final class RecoveryDrafts: Sendable {
    /// How long a draft waits, and its name with it, in nanoseconds: the client has the recovery key at hand.
    static let lifetime: UInt64 = 600 * 1_000_000_000
    static let perUser = 8
    static let all = 64

    private let drafts = Locked<[String: RecoveryDraft]>([:])

    func check(_ owner: Owner) throws { try drafts.withLock { try RecoveryDrafts.check($0, owner) } }

    private static func check(_ drafts: [String: RecoveryDraft], _ owner: Owner) throws {
        let own = drafts.values.count { $0.owner == owner }
        // A user's first is always allowed, so that others together cannot keep him from it.
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

    /// Takes a draft of the caller's out: whatever comes of it, it is used once.
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

    /// Takes out those of a user under one name on this host: he begins again.
    func abandoned(by owner: Owner, name: String) -> [RecoveryDraft] {
        takeOut { $0.owner == owner && $0.plan.name == name }
    }

    /// Takes out those that waited too long.
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
