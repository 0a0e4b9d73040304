import CPKCS11
import CustodyProtocol
import DTAFormats
import DTASystem

/// `dtad-hsm --init`: makes a token, if the module has a free slot (SoftHSM always has), and the keys that D-TA needs
/// on it.
public enum TokenInitialisation {
    /// - Parameters: `pin`: the user's, with which dtad-hsm logs in from then on; `securityOfficerPIN`: needed again
    ///   only to set another one.
    /// - Throws: `CustodyStartError`; with `.tokenExists` nothing was touched.
    public static func run(_ options: HSMOptions, pin: SecretBytes, securityOfficerPIN: SecretBytes) throws {
        guard let label = options.tokenLabel, (1...32).contains(label.utf8.count) else {
            throw refusal("a new token needs a label of 1 to 32 bytes", hint: "set hsm.token", .configuration)
        }
        let module = try Module(path: options.module)
        do {
            try TokenLock(path: options.lockFile).hold {
                try module.initialize()
                try makeToken(module, label: label, pin: pin, securityOfficerPIN: securityOfficerPIN)
                module.finalize()
            }
        } catch let error as PKCS11Error {
            throw refusal(
                "the token \"\(label)\" could not be made: \(error)"
                    + (SoftHSMConfiguration(options)?.fault().map { "; \($0)" } ?? ""),
                hint: "a half-made token must be deleted by the HSM's own tools before another try", .failed)
        } catch let error as DTAError {
            throw CustodyStartError(error, .failed)
        }
        try makeKeys(options, pin: pin, module: module)
    }

    private static func makeToken(
        _ module: Module, label: String, pin: SecretBytes, securityOfficerPIN: SecretBytes
    ) throws {
        let slots = try module.slots().map { ($0, try module.tokenInfo($0)) }
        guard !slots.contains(where: { $0.1.labelText == label }) else {
            throw refusal(
                "a token \"\(label)\" exists already: it is never overwritten", hint: "choose another hsm.token",
                .tokenExists)
        }
        guard let free = slots.first(where: { $0.1.flags & CK_FLAGS(CKF_TOKEN_INITIALIZED) == 0 }) else {
            throw refusal(
                "the module has no free slot for a new token",
                hint: "make the token with the HSM's own tools, then the keys alone with dtad-hsm (docs/custody.md)",
                .failed)
        }
        var padded = Array(label.utf8) + [UInt8](repeating: 0x20, count: 32 - label.utf8.count)
        try securityOfficerPIN.withUnsafeBytes { bytes in
            let pin = UnsafeMutablePointer(mutating: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self))
            try module.check(
                "C_InitToken", module.functions.pointee.C_InitToken?(free.0, pin, CK_ULONG(bytes.count), &padded))
        }
        // SoftHSM gives the new token another slot.
        guard let slot = try module.slots().first(where: { try module.tokenInfo($0).labelText == label }) else {
            throw PKCS11Error(call: "C_GetSlotList", code: CK_RV(CKR_TOKEN_NOT_PRESENT))
        }
        let session = try Session(module, slot: slot)
        try session.login(CKU_SO, pin: securityOfficerPIN)
        try session.initializePIN(pin)
        try session.logout()
    }

    /// `--init --keys-only`: the keys that D-TA needs, on an existing token. Existing keys stay.
    public static func makeKeys(_ options: HSMOptions, pin: SecretBytes) throws {
        try makeKeys(options, pin: pin, module: try Module(path: options.module))
    }

    private static func makeKeys(_ options: HSMOptions, pin: SecretBytes, module: Module) throws {
        let token = try Token.open(module, options, pin: pin)
        defer { module.finalize() }
        do {
            try TokenLock(path: options.lockFile).hold {
                let objects = KeyObjects(token.session, makeCopies: false)
                for objectClass in [ObjectClass.seal, .state] {
                    let label = ObjectLabel.sealing(objectClass, number: 1)
                    if try objects.sealingKey(label) != nil { continue }
                    _ = try KeyGeneration(token: token).make(.aes256, label, id: Array(label.text.utf8))
                }
            }
        } catch let error as PKCS11Error {
            throw refusal("D-TA's keys could not be made on the token: \(error)", hint: "", .failed)
        } catch let error as DTAError {
            throw CustodyStartError(error, .failed)
        }
    }

    /// `--import-key`: the key that signs wrapping keys for imports, which is made if it is missing.
    /// - Returns: its public half.
    public static func importingKey(_ options: HSMOptions, pin: SecretBytes) throws -> PublicKey {
        let token = try Token.open(try Module(path: options.module), options, pin: pin)
        defer { token.session.module.finalize() }
        do {
            return try TokenLock(path: options.lockFile).hold {
                let id = try ObjectID(Custody.importingID)
                let objects = KeyObjects(token.session, makeCopies: false)
                let generation = KeyGeneration(token: token)
                let label = ObjectLabel.object(TokenObject(objectClass: .importing, owner: .agent, id: id))
                guard let found = try objects.find(id), let key = found.key else {
                    let kind: KeyKind = KeyKind.ed25519.isSupported(by: token) ? .ed25519 : .p256
                    return try publicKey(kind, generation.make(kind, label, id: id.bytes))
                }
                guard found.label == label, let handle = found.publicHandle else {
                    throw DTAError(.failedPrecondition, "the object \(found.label.text) is not the key for imports")
                }
                return try publicKey(key.kind, generation.publicKey(handle, key.kind))
            }
        } catch let error as PKCS11Error {
            throw refusal("the key for imports could not be made: \(error)", hint: "", .failed)
        } catch let error as FormatError {
            throw refusal("the key for imports cannot be used: \(error.reason)", hint: "", .failed)
        } catch let error as DTAError {
            throw CustodyStartError(error, .failed)
        }
    }

    private static func publicKey(_ kind: KeyKind, _ raw: [UInt8]) throws -> PublicKey {
        guard let algorithm = kind.algorithm else { throw FormatError(.malformed, "it is no key that signs") }
        return try PublicKey(algorithm, raw: raw)
    }

    private static func refusal(_ message: String, hint: String, _ exit: CustodyExit) -> CustodyStartError {
        CustodyStartError(DTAError(.failedPrecondition, message, hint: hint), exit)
    }
}
