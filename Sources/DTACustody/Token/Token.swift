import CPKCS11
import CustodyProtocol
import DTASystem

/// A token that this process has logged in to: its slot, its session, what it can do.
struct Token {
    let session: Session
    let info: CK_TOKEN_INFO
    let library: String
    let mechanisms: Set<CK_MECHANISM_TYPE>

    /// Initialises the module, finds the token and logs in once, while no other process does.
    /// - Throws: `CustodyStartError`.
    static func open(_ module: Module, _ options: HSMOptions, pin: SecretBytes) throws -> Token {
        do {
            return try TokenLock(path: options.lockFile).hold {
                try module.initialize()
                let (slot, info) = try select(module, options)
                let session = try Session(module, slot: slot)
                try session.login(CKU_USER, pin: pin)
                return Token(
                    session: session, info: info, library: try module.libraryName(),
                    mechanisms: try module.mechanisms(slot))
            }
        } catch let error as PKCS11Error where error.isAboutThePIN {
            throw CustodyStartError(
                DTAError(
                    .failedPrecondition, "the token \(options.tokenName) refused the PIN (\(error))",
                    hint: "dtad does not try again by itself, because some HSMs destroy their keys after a few wrong "
                        + "PINs; correct the PIN and restart dtad"),
                .wrongPIN)
        } catch let error as PKCS11Error {
            throw away(options, "\(error)")
        } catch let error as DTAError {
            throw CustodyStartError(error, .configuration)
        }
    }

    /// The one token that the configuration names; never "the first slot".
    static func select(_ module: Module, _ options: HSMOptions) throws -> (CK_SLOT_ID, CK_TOKEN_INFO) {
        var matching: [(CK_SLOT_ID, CK_TOKEN_INFO)] = []
        for slot in try module.slots() {
            // One broken token must not hide the others.
            guard let info = try? module.tokenInfo(slot), info.flags & CK_FLAGS(CKF_TOKEN_INITIALIZED) != 0 else {
                continue
            }
            if let label = options.tokenLabel, label != info.labelText { continue }
            if let serial = options.tokenSerial, serial != info.serialText { continue }
            matching.append((slot, info))
        }
        if matching.count > 1 {
            throw CustodyStartError(
                DTAError(
                    .failedPrecondition, "\(matching.count) tokens are called \(options.tokenName)",
                    hint: "name one of them by hsm.serial: "
                        + matching.map { $0.1.serialText }.joined(separator: ", ")),
                .configuration)
        }
        guard let found = matching.first else { throw away(options, "the module shows no such token") }
        return found
    }

    static func away(_ options: HSMOptions, _ why: String) -> CustodyStartError {
        CustodyStartError(
            DTAError(
                .unavailable, "the token \(options.tokenName) is away: \(why)",
                hint: "dtad goes on by itself when it is back; `dtad check` tells what is missing"),
            .tokenAway)
    }

    func supports(_ mechanism: UInt) -> Bool { mechanisms.contains(CK_MECHANISM_TYPE(mechanism)) }

    /// - Throws: `DTAError.failedPrecondition` that names the mechanism.
    func require(_ mechanism: UInt, for what: String) throws {
        guard supports(mechanism) else {
            throw DTAError(
                .failedPrecondition,
                "the token \"\(info.labelText)\" cannot do \(what): it lacks \(name(of: mechanism))",
                hint: "choose another type, or another HSM")
        }
    }
}

extension CK_TOKEN_INFO {
    var labelText: String { withUnsafeBytes(of: label) { paddedText($0) } }
    var serialText: String { withUnsafeBytes(of: serialNumber) { paddedText($0) } }
    var manufacturerText: String { withUnsafeBytes(of: manufacturerID) { paddedText($0) } }
    var modelText: String { withUnsafeBytes(of: model) { paddedText($0) } }
}
