import CPKCS11
import CustodyProtocol
import DTASystem

/// Everything beside the HSM: one process' hold on one token. Not for more than one thread.
///
/// Its operations throw `DTAError` for the front, and `CustodyStartError` where the process is to answer and then end.
public final class Custody {
    let options: HSMOptions
    let module: Module
    private let pin: SecretBytes
    private(set) var token: Token
    private(set) var objects: KeyObjects
    /// How the token takes the other side's X25519 key; found out at the first use.
    var x25519Encoding: X25519.Encoding?
    /// The highest key number of each sealing class, as this process knows it.
    var sealingNumbers: [ObjectClass: UInt32] = [:]
    /// The newest epoch on the token, and when that was seen.
    var newestEpoch: (number: UInt32, seen: UInt64)?
    private var isChanging = false

    /// Loads the module, finds the token and logs in, once.
    /// - Throws: `CustodyStartError`.
    public init(_ options: HSMOptions, pin: SecretBytes) throws {
        self.options = options
        self.pin = pin
        module = try Module(path: options.module)
        token = try Token.open(module, options, pin: pin)
        objects = KeyObjects(token.session, makeCopies: options.cacheSessionObjects)
        do {
            try confirmTokenIsThere()
        } catch {
            throw Token.away(options, "it has no key \(Custody.landmark.text), which `dtad init` makes")
        }
    }

    var generation: KeyGeneration { KeyGeneration(token: token) }

    /// Runs `body` while no other process changes the token. Inside of another one it just runs: the lock would wait for
    /// itself.
    func changing<Result>(_ body: () throws -> Result) throws -> Result {
        if isChanging { return try body() }
        isChanging = true
        defer { isChanging = false }
        return try TokenLock(path: options.lockFile).hold(body)
    }

    // MARK: the ladder

    /// Runs `body`. When the token fails in it: forgets the objects and runs it again, which finds them again; then
    /// initialises the module anew, logs in and runs it again; then gives up this process. What the token says went wrong
    /// is not looked at, because it is often something else.
    func climbing<Result>(_ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch is PKCS11Error {
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
            throw Token.away(options, "\(error)")
        }
    }

    private func restart() throws {
        module.finalize()
        token = try Token.open(module, options, pin: pin)
        objects = KeyObjects(token.session, makeCopies: options.cacheSessionObjects)
        newestEpoch = nil
    }

    /// The key that is on every token that D-TA uses: where it is gone, the token is.
    private static let landmark = ObjectLabel.sealing(.seal, number: 1)

    /// Tells an object that is gone from a token that is away, which both look like an empty search.
    /// - Throws: `PKCS11Error` where the token is away, so that the ladder is climbed.
    func confirmTokenIsThere() throws {
        let handles = try token.session.find(
            [Attribute(CKA_TOKEN, true), Attribute(CKA_LABEL, Custody.landmark.text)], limit: 1)
        guard let handle = handles.first,
            try token.session.read(handle, [CKA_LABEL])[0] == Array(Custody.landmark.text.utf8)
        else { throw PKCS11Error(call: "finding \(Custody.landmark.text)", code: CK_RV(CKR_TOKEN_NOT_PRESENT)) }
    }

    /// The key with this id, which must be of `objectClass`.
    /// - Throws: `DTAError.notFound`, `.permissionDenied`; `PKCS11Error`.
    func key(_ id: ObjectID, _ objectClass: ObjectClass) throws -> (KeyObject, ObjectOwner) {
        guard let key = try objects.key(id) else {
            try confirmTokenIsThere()
            throw DTAError(
                .notFound, "the token holds no key \(hexadecimal(id.bytes))",
                hint: "if it was there before, something other than dtad deleted it from the token")
        }
        guard case .object(let object) = key.label, object.objectClass == objectClass else {
            throw DTAError(
                .permissionDenied,
                "the object \(key.label.text) may not be used for this: only those of class \(objectClass.name) may")
        }
        return (key, object.owner)
    }

    /// Runs `body`, in which the token works on what somebody else may have forged. When it fails, `probe` does the same
    /// with input of our own: where that works, the key is well and the input is to blame.
    func blaming<Result>(_ input: String, _ body: () throws -> Result, probe: () throws -> Void) throws -> Result {
        do {
            return try body()
        } catch is PKCS11Error {
            try probe()
            throw DTAError(.dataLoss, "\(input): it was altered, or it was made with another key")
        }
    }
}
