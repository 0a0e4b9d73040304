import DTACore
import DTAFormats

/// What is about to be made: an identity of its own, or one that takes another's place.
struct IdentityPlan {
    enum Act {
        case create
        case rotate
        case recover

        var intent: Intents.Kind {
            switch self {
            case .create: .identityCreate
            case .rotate: .identityRotate
            case .recover: .identityRecover
            }
        }
    }

    let act: Act
    /// What this host calls it.
    let name: String
    /// What its document calls it.
    let title: String
    let owner: Owner
    /// SHA-256 of its recovery key.
    var recovery: [UInt8]?
    /// The identity that it replaces.
    var predecessor: SignedIdentity?
    /// Whether it gets an ML-DSA-65 key beside its signing key.
    var postQuantum = false
    /// Whether it goes on with the own line of its name.
    var continuesLine = false

    func identity(signing: SigningKey, kem: [UInt8], pq: [UInt8]?, created: Int64) throws -> Identity {
        try Identity(
            name: title, created: created, signing: signing, kem: kem, pq: pq, recovery: recovery,
            previous: predecessor?.cid)
    }
}
