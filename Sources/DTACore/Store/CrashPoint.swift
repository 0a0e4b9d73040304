import Glibc

/// The moments between two steps at which a test may kill the agent, to see that all or nothing is left of an act.
///
/// In debug builds the process kills itself at the point that `$DTAD_CRASH_AT` names; release builds have none of this.
package enum CrashPoint: String, Sendable, CaseIterable {
    /// The intent is durable; nothing is on the token.
    case keyCreateIntended = "key.create.1"
    /// The key is on the token; no row names it.
    case keyCreateGenerated = "key.create.2"
    /// The row is durable; nobody was told.
    case keyCreateStored = "key.create.3"
    /// The row is gone; the key is still on the token.
    case keyDeleteIntended = "key.delete.1"
    /// The key is gone; the intent is still there.
    case keyDeleteDestroyed = "key.delete.2"
    /// All is gone; nobody was told.
    case keyDeleteFinished = "key.delete.3"
    /// The intent is durable; nothing is on the token.
    case identityCreateIntended = "identity.create.1"
    /// Both keys are on the token; there is no document.
    case identityCreateGenerated = "identity.create.2"
    /// The document is signed; it is stored nowhere.
    case identityCreateSigned = "identity.create.3"
    /// Row and document are durable; nobody was told.
    case identityCreateStored = "identity.create.4"
    /// The intent is durable; the old identity is as it was.
    case identityRotateIntended = "identity.rotate.1"
    /// The new keys are on the token; nothing is signed.
    case identityRotateGenerated = "identity.rotate.2"
    /// Both identities signed; that is stored nowhere.
    case identityRotateSigned = "identity.rotate.3"
    /// The new identity took the old one's place; nobody was told.
    case identityRotateStored = "identity.rotate.4"
    /// The revocation is signed; it is stored nowhere.
    case identityRevokeSigned = "identity.revoke.1"
    /// The revocation is durable; nobody was told.
    case identityRevokeStored = "identity.revoke.2"
    /// The keys of the draft are on the token, and nowhere else; the client was told of nothing.
    case identityRecoverDrafted = "identity.recover.1"
    /// All signed; it is stored nowhere.
    case identityRecoverSigned = "identity.recover.2"
    /// The new identity is durable; nobody was told.
    case identityRecoverStored = "identity.recover.3"
    /// The envelope is encrypted; it is not signed.
    case envelopeSealEncrypted = "envelope.seal.1"
    /// The envelope is signed; it is stored nowhere.
    case envelopeSealSigned = "envelope.seal.2"
    /// The envelope is durable; nobody was told its CID.
    case envelopeSealStored = "envelope.seal.3"
    /// The file for a body is made; nobody was told of the draft.
    case envelopeDraftBegun = "envelope.draft.1"
    /// A block of a body is written.
    case envelopeChunkWritten = "envelope.chunk.1"
    /// The body is durable under its own name; no row names it.
    case envelopeFinishSynced = "envelope.finish.1"
    /// The envelope is signed; it is stored nowhere.
    case envelopeFinishSigned = "envelope.finish.2"
    /// Envelope and rows of the blocks are durable; nobody was told.
    case envelopeFinishStored = "envelope.finish.3"
    /// Part 1 is signed; it is stored nowhere.
    case orderCreateSealed = "order.create.1"
    /// The order is durable; nobody was told.
    case orderCreateStored = "order.create.2"
    /// An order that came is durable; nothing was done with it.
    case orderReceiveAdmitted = "order.receive.1"
    /// A part that came is durable, with what it changes; what follows was not done.
    case orderReceiveApplied = "order.receive.2"
    /// The secret is made, and sealed or on the token; it is stored nowhere.
    case orderCommitMade = "order.commit.1"
    /// Part 2 is signed; it is stored nowhere.
    case orderCommitSealed = "order.commit.2"
    /// Secret and part 2 are durable; nobody was told.
    case orderCommitStored = "order.commit.3"
    /// Part 3 is signed; it is stored nowhere.
    case orderRedeemSealed = "order.redeem.1"
    /// Part 3 is durable; nobody was told.
    case orderRedeemStored = "order.redeem.2"
    /// An approval is signed; it is stored nowhere.
    case orderApproveSealed = "order.approve.1"
    /// An approval is durable; nobody was told.
    case orderApproveStored = "order.approve.2"
    /// Part 4 is signed; it is stored nowhere.
    case orderReleaseSealed = "order.release.1"
    /// Part 4 is durable; nobody was told.
    case orderReleaseStored = "order.release.2"
    /// A refusal is signed; it is stored nowhere.
    case orderRefuseSealed = "order.refuse.1"
    /// A deposit is signed; it is stored nowhere.
    case orderDepositSealed = "order.deposit.1"
    /// A deposit is durable; nobody was told.
    case orderDepositStored = "order.deposit.2"
    /// That an order is destroyed is decided; all is as it was.
    case orderDestroyDecided = "order.destroy.1"
    /// The order's own key is gone from the token, where it had one; its row is still there.
    case orderDestroyKeyGone = "order.destroy.2"
    /// The receipt of a destruction is signed; it is stored nowhere, and the secret's row is still there.
    case orderDestroySealed = "order.destroy.3"
    /// The secret's row is gone, the receipt durable; the key under which it was sealed is still on the token.
    case orderDestroyStored = "order.destroy.4"
    /// What was left of a destroyed order's own key is gone from the token; its row is still there.
    case orderLeftoverKeyGone = "order.leftover.1"
    /// What was left of a destroyed order is gone, and its epoch dated.
    case orderLeftoverRemoved = "order.leftover.2"
    /// One of an epoch's living secrets is sealed under a new key; others are not.
    case orderEpochResealed = "order.epoch.1"
    /// All of an epoch's living secrets are under other keys; its own is still on the token.
    case orderEpochEmptied = "order.epoch.2"
    /// The epoch's key is gone; no row says so.
    case orderEpochDestroyed = "order.epoch.3"

    #if DEBUG
        private static let chosen: CrashPoint? = {
            guard let name = unsafe getenv("DTAD_CRASH_AT") else { return nil }
            return CrashPoint(rawValue: unsafe String(cString: name))
        }()
    #endif

    @inline(__always)
    package static func reach(_ point: CrashPoint) {
        #if DEBUG
            if chosen == point { kill(getpid(), SIGKILL) }
        #endif
    }
}
