/// A session: an operation of each kind at a time, as PKCS#11 says. It is a class: a call changes one operation, and the
/// others are large.
final class Session {
    let isReadWrite: Bool
    var find: Find?
    var sign: SigningOperation?
    var verify: SigningOperation?
    var digest: RunningDigest?
    var encrypt: CipherOperation?
    var decrypt: CipherOperation?

    init(isReadWrite: Bool) { self.isReadWrite = isReadWrite }

    /// A search, which finds objects as they are asked for.
    struct Find {
        let template: [Attribute]
        /// The handle of the last object that was found.
        var place: UInt = 0
    }
}

/// A signature or a verification that was begun.
struct SigningOperation {
    /// What becomes of the data before it is signed.
    enum Input {
        /// It is taken whole, and is a digest or a message.
        case whole([UInt8])
        case digest(RunningDigest)
    }

    let scheme: SigningScheme
    let object: TokenObject
    var input: Input
    /// Whether data came in parts.
    var isUnderWay = false
    /// What was signed, while it is known that the caller has room for it.
    init(_ scheme: SigningScheme, _ object: TokenObject) {
        self.scheme = scheme
        self.object = object
        input = scheme.hash.map { .digest(RunningDigest($0)) } ?? .whole([])
    }
}
