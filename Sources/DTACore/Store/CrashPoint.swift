import Glibc

/// The moments between two steps at which a test may kill the agent, to check that an operation is all or nothing.
///
/// In debug builds the process kills itself at the point in `$DTAD_CRASH_AT`; release builds have none of this.
package enum CrashPoint: String, Sendable, CaseIterable {
    /// The intent is durable; nothing is on the token.
    case keyCreateIntended = "key.create.1"
    /// The key is on the token; no row names it.
    case keyCreateGenerated = "key.create.2"
    /// The row is durable; no answer was sent.
    case keyCreateStored = "key.create.3"
    /// The row is gone; the key is still on the token.
    case keyDeleteIntended = "key.delete.1"
    /// The key is gone; the intent is still there.
    case keyDeleteDestroyed = "key.delete.2"
    /// All is gone; no answer was sent.
    case keyDeleteFinished = "key.delete.3"
    /// The intent is durable; nothing is on the token.
    case identityCreateIntended = "identity.create.1"
    /// Both keys are on the token; there is no document.
    case identityCreateGenerated = "identity.create.2"
    /// The document is signed; it is not stored.
    case identityCreateSigned = "identity.create.3"
    /// Row and document are durable; no answer was sent.
    case identityCreateStored = "identity.create.4"
    /// The intent is durable; the old identity is unchanged.
    case identityRotateIntended = "identity.rotate.1"
    /// The new keys are on the token; nothing is signed.
    case identityRotateGenerated = "identity.rotate.2"
    /// Both identities signed; nothing is stored.
    case identityRotateSigned = "identity.rotate.3"
    /// The new identity replaced the old one; no answer was sent.
    case identityRotateStored = "identity.rotate.4"
    /// The revocation is signed; it is not stored.
    case identityRevokeSigned = "identity.revoke.1"
    /// The revocation is durable; no answer was sent.
    case identityRevokeStored = "identity.revoke.2"
    /// The keys of the draft are on the token, and nowhere else; no answer was sent.
    case identityRecoverDrafted = "identity.recover.1"
    /// All is signed; nothing is stored.
    case identityRecoverSigned = "identity.recover.2"
    /// The new identity is durable; no answer was sent.
    case identityRecoverStored = "identity.recover.3"
    /// The envelope is encrypted; it is not signed.
    case envelopeSealEncrypted = "envelope.seal.1"
    /// The envelope is signed; it is not stored.
    case envelopeSealSigned = "envelope.seal.2"
    /// The envelope is durable; no answer was sent.
    case envelopeSealStored = "envelope.seal.3"
    /// The file for a body is made; no answer was sent.
    case envelopeDraftBegun = "envelope.draft.1"
    /// A block of a body is written.
    case envelopeChunkWritten = "envelope.chunk.1"
    /// The body is durable under its own name; no row names it.
    case envelopeFinishSynced = "envelope.finish.1"
    /// The envelope is signed; it is not stored.
    case envelopeFinishSigned = "envelope.finish.2"
    /// Envelope and rows of the blocks are durable; no answer was sent.
    case envelopeFinishStored = "envelope.finish.3"
    /// Part 1 is signed; it is not stored.
    case orderCreateSealed = "order.create.1"
    /// The order is durable; no answer was sent.
    case orderCreateStored = "order.create.2"
    /// An order that came is durable; nothing was done with it.
    case orderReceiveAdmitted = "order.receive.1"
    /// A part that came is durable, with what it changes; the next steps were not done.
    case orderReceiveApplied = "order.receive.2"
    /// The secret is made, and sealed or on the token; it is not stored.
    case orderCommitMade = "order.commit.1"
    /// Part 2 is signed; it is not stored.
    case orderCommitSealed = "order.commit.2"
    /// Secret and part 2 are durable; no answer was sent.
    case orderCommitStored = "order.commit.3"
    /// Part 3 is signed; it is not stored.
    case orderRedeemSealed = "order.redeem.1"
    /// Part 3 is durable; no answer was sent.
    case orderRedeemStored = "order.redeem.2"
    /// An approval is signed; it is not stored.
    case orderApproveSealed = "order.approve.1"
    /// An approval is durable; no answer was sent.
    case orderApproveStored = "order.approve.2"
    /// Part 4 is signed; it is not stored.
    case orderReleaseSealed = "order.release.1"
    /// Part 4 is durable; no answer was sent.
    case orderReleaseStored = "order.release.2"
    /// A refusal is signed; it is not stored.
    case orderRefuseSealed = "order.refuse.1"
    /// A deposit is signed; it is not stored.
    case orderDepositSealed = "order.deposit.1"
    /// A deposit is durable; no answer was sent.
    case orderDepositStored = "order.deposit.2"
    /// The destruction of an order is decided; nothing else has changed.
    case orderDestroyDecided = "order.destroy.1"
    /// The order's own key, if it had one, is gone from the token; its row is still there.
    case orderDestroyKeyGone = "order.destroy.2"
    /// The receipt of a destruction is signed; it is not stored, and the secret's row is still there.
    case orderDestroySealed = "order.destroy.3"
    /// The secret's row is gone, the receipt durable; the key under which it was sealed is still on the token.
    case orderDestroyStored = "order.destroy.4"
    /// A destroyed order's leftover key is gone from the token; its row is still there.
    case orderLeftoverKeyGone = "order.leftover.1"
    /// A destroyed order's leftovers are gone, and the end of its epoch is dated.
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
