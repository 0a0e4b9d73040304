import DTACore
import DTAFormats

/// A plan for a new identity, or for one that replaces another.
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
    /// Its name on this host.
    let name: String
    /// Its name in its document.
    let title: String
    let owner: Owner
    /// SHA-256 of its recovery key.
    var recovery: [UInt8]?
    /// The identity that it replaces.
    var predecessor: SignedIdentity?
    /// Whether it gets an ML-DSA-65 key beside its signing key.
    var postQuantum = false
    /// Whether it continues the own line of its name.
    var continuesLine = false

    func identity(signing: SigningKey, kem: [UInt8], pq: [UInt8]?, created: Int64) throws -> Identity {
        try Identity(
            name: title, created: created, signing: signing, kem: kem, pq: pq, recovery: recovery,
            previous: predecessor?.cid)
    }
}
