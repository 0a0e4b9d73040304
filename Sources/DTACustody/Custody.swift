import CPKCS11
import CustodyProtocol
import DTABytes
import DTASystem

/// One process' access to one token, for one thread.
///
/// Its operations throw `DTAError` for the front, and `CustodyStartError` if the process is to answer and then end.
public final class Custody {
    let options: HSMOptions
    let module: Module
    private let pin: SecretBytes
    private(set) var token: Token
    private(set) var objects: KeyObjects
    /// How the token takes the other side's X25519 key; found out at the first use.
    var x25519Encoding: X25519.Encoding?
    /// Whether the token may do OAEP with SHA-256; found out at the first use.
    var hasOAEP = true
    /// Wrapping keys that were offered for imports, the oldest first.
    var offers: [Offer] = []
    /// The highest key number of each sealing class, as this process knows it.
    var sealingNumbers: [ObjectClass: UInt32] = [:]
    /// The newest epoch on the token, and when that was seen.
    var newestEpoch: (number: UInt32, seen: UInt64)?
    /// Whether the front still waits for an answer. The front sweeps what it began when it starts anew. A key that is
    /// made after that would be known to no one.
    var isAwaited: () -> Bool = { true }
    private var isChanging = false
    /// The classes of objects that may be used now: those of the current message; all of them for commands.
    private var usable = ObjectClass.allCases

    /// The token's identity, which stays the same as long as this process lives.
    public let identity: TokenIdentity

    /// Loads the module, finds the token and logs in, once.
    /// - Parameter expected: the token that the front expects; nil: the one that the configuration names.
    /// - Throws: `CustodyStartError`.
    public init(_ options: HSMOptions, pin: SecretBytes, expected: TokenIdentity? = nil) throws {
        self.options = options
        self.pin = pin
        module = try Module(path: options.module)
        let token = try Token.open(module, options, pin: pin, serial: expected?.serial)
        identity = try token.identify(options, expected: expected?.landmark)
        self.token = token
        objects = KeyObjects(token.session, makeCopies: options.cacheSessionObjects)
    }

    var generation: KeyGeneration { KeyGeneration(token: token, classes: usable) }

    // MARK: Classes

    /// Runs `body`, in which objects of these classes alone may be used.
    func using<Result: ~Copyable>(_ classes: [ObjectClass], _ body: () throws -> Result) rethrows -> Result {
        let before = usable
        usable = classes
        defer { usable = before }
        return try body()
    }

    /// - Throws: `DTAError.internal` for objects of a class that the current message does not name.
    func require(_ objectClass: ObjectClass) throws { try objectClass.require(among: usable) }

    // MARK: Changes

    /// Runs `body` while no other process changes the token. A nested call only runs it: the lock would wait for
    /// itself.
    func changing<Result>(_ body: () throws -> Result) throws -> Result {
        if isChanging { return try body() }
        isChanging = true
        defer { isChanging = false }
        return try TokenLock(path: options.lockFile).hold(body)
    }

    // MARK: The ladder

    /// Runs `body`. When the token fails in it: forgets the objects and runs it again, which finds them again; then
    /// initialises the module anew, logs in and runs it again; then gives up this process. What the token says went wrong
    /// is not looked at, because it is often something else; unless it says that it cannot do this at all, and does what it
    /// could before.
    func climbing<Result: ~Copyable>(_ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let error as PKCS11Error {
            if let refusal = refusal(error) { throw refusal }
            objects.forgetAll()
        }
        do {
            return try body()
        } catch is PKCS11Error {
            try restart()
        }
        do {
            return try body()
        } catch let error as PKCS11Error {
            throw refusal(error) ?? failure(error)
        }
    }

    private func refusal(_ error: PKCS11Error) -> DTAError? {
        guard error.isRefusal, (try? confirmTokenIsThere()) != nil else { return nil }
        return DTAError(
            .failedPrecondition,
            "the token \"\(token.info.labelText)\" refuses \(error.purpose.map { "what \($0) need" } ?? "this"): \(error)",
            hint: "choose another type, or another HSM")
    }

    /// Why this process gives up.
    private func failure(_ error: PKCS11Error) -> CustodyStartError {
        guard (try? confirmTokenIsThere()) != nil else { return Token.away(options, "\(error)") }
        return CustodyStartError(
            DTAError(
                .unavailable, "the token \(options.tokenName) is there, but does not do this: \(error)",
                hint:
                    "its disk or memory may be full, or another program may hold it; the module's own log may tell more"
            ),
            .failed)
    }

    private func restart() throws {
        module.finalize()
        token = try Token.open(module, options, pin: pin, serial: identity.serial)
        objects = KeyObjects(token.session, makeCopies: options.cacheSessionObjects)
        newestEpoch = nil
        _ = try token.identify(options, expected: identity.landmark)
    }

    /// Tells an object that is gone from a token that is away, as both look like an empty search; and this token from
    /// another that took its place.
    /// - Throws: `PKCS11Error` if the token is not there, so that the ladder is climbed.
    func confirmTokenIsThere() throws {
        guard try Landmark.read(token.session) == identity.landmark else {
            throw PKCS11Error(call: "finding \(Landmark.label.text)", code: CK_RV(CKR_TOKEN_NOT_PRESENT))
        }
    }

    /// The key with this id, which must be of `objectClass`.
    /// - Throws: `DTAError.notFound`, `.permissionDenied`; `PKCS11Error`.
    func key(_ id: ObjectID, _ objectClass: ObjectClass) throws -> (KeyObject, ObjectOwner) {
        try require(objectClass)
        guard let key = try objects.key(id) else {
            try confirmTokenIsThere()
            throw DTAError(
                .notFound, "the token holds no key \(Hexadecimal.encode(id.bytes))",
                hint: "if it was there before, something other than dtad deleted it from the token")
        }
        guard case .object(let object) = key.label, object.objectClass == objectClass else {
            throw DTAError(
                .permissionDenied,
                "the object \(key.label.text) may not be used for this: only those of class \(objectClass.name) may")
        }
        return (key, object.owner)
    }

    /// Runs `body`, in which the token works on input that may be forged. When it fails, `probe` does the same with input
    /// of our own: if that works, the key is sound and the input is to blame.
    func blaming<Result: ~Copyable>(
        _ input: String, _ body: () throws -> Result, probe: () throws -> Void
    ) throws -> Result {
        do {
            return try body()
        } catch is PKCS11Error {
            try probe()
            throw DTAError(.dataLoss, "\(input): it was altered, or it was made with another key")
        }
    }
}
