import CPKCS11
import CustodyProtocol
import DTASystem

/// A token that this process has logged in to: its slot, its session, its mechanisms.
struct Token {
    let session: Session
    let info: CK_TOKEN_INFO
    let library: String
    let mechanisms: Set<CK_MECHANISM_TYPE>

    /// Initialises the module, finds the token and logs in once, while no other process does.
    /// - Parameter serial: of the expected token, if the configuration does not say which: no other gets the PIN.
    /// - Throws: `CustodyStartError`.
    static func open(_ module: Module, _ options: HSMOptions, pin: SecretBytes, serial: String? = nil) throws -> Token {
        do {
            return try TokenLock(path: options.lockFile).hold {
                try start(module, options)
                let (slot, info) = try TokenSearch(module, options, serial: serial).select()
                let session = try Session(module, slot: slot)
                try session.logInOnce(options, pin: pin, token: info)
                return Token(
                    session: session, info: info, library: try module.libraryName(),
                    mechanisms: try module.mechanisms(slot))
            }
        } catch let error as PKCS11Error {
            throw away(options, "\(error)" + (error.isAboutSessions ? ", which other programs have in use" : ""))
        } catch let error as DTAError {
            throw CustodyStartError(error, .configuration)
        }
    }

    private static func start(_ module: Module, _ options: HSMOptions) throws {
        let softHSM = SoftHSMConfiguration(options)
        // The module would open a pipe, and wait for ever for a writer.
        if let softHSM, softHSM.isSomethingElse { throw away(options, softHSM.fault() ?? "") }
        do {
            try module.initialize()
            _ = try module.slots()
        } catch let error as PKCS11Error {
            throw CustodyStartError(
                DTAError(
                    .unavailable,
                    "the PKCS#11 module \(module.path) does not start (\(error))"
                        + (softHSM?.fault().map { ": \($0)" } ?? ""),
                    hint: "dtad goes on by itself when this is fixed"),
                .tokenAway)
        }
    }

    static func away(_ options: HSMOptions, _ why: String) -> CustodyStartError {
        CustodyStartError(
            DTAError(
                .unavailable, "the token \(options.tokenName) is away: \(why)",
                hint: "dtad goes on by itself when it is back"),
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
