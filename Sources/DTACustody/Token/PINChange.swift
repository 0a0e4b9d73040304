import CPKCS11
import CustodyProtocol
import DTASystem

/// dtad-hsm's side of `dtad pin change`: each log-in is one attempt, and none is repeated.
public enum PINChange {
    /// The lengths of the token's PINs, in bytes.
    public static func lengths(_ options: HSMOptions) throws -> ClosedRange<Int> {
        let module = try Module(path: options.module)
        do {
            try module.initialize()
            defer { module.finalize() }
            return lengths(try TokenSearch(module, options, serial: nil).select().1)
        } catch let error as PKCS11Error {
            throw Token.away(options, "\(error)")
        }
    }

    private static func lengths(_ info: CK_TOKEN_INFO) -> ClosedRange<Int> {
        let limit = CK_ULONG(PIN.limit)
        let longest = info.ulMaxPinLen == 0 ? limit : min(info.ulMaxPinLen, limit)
        return Int(max(1, min(info.ulMinPinLen, longest)))...Int(longest)
    }

    /// Logs in once.
    /// - Throws: `CustodyStartError`; `.wrongPIN` if it is another PIN.
    public static func check(_ options: HSMOptions, _ pin: SecretBytes) throws {
        let module = try Module(path: options.module)
        _ = try Token.open(module, options, pin: pin)
        module.finalize()
    }

    /// Logs in with the old PIN, sets the new one, and logs in with that.
    /// - Throws: `CustodyStartError`. With `.failed` the token may have either PIN; with any other status it has the
    ///   old one.
    public static func change(_ options: HSMOptions, from old: SecretBytes, to new: SecretBytes) throws {
        let module = try Module(path: options.module)
        let token = try Token.open(module, options, pin: old)
        defer { module.finalize() }
        let lengths = lengths(token.info)
        guard lengths.contains(new.count) else {
            throw refusal(
                "a PIN of the token \(options.tokenName) has \(lengths.lowerBound) to \(lengths.upperBound) characters, "
                    + "and not \(new.count)", .configuration)
        }
        do {
            try TokenLock(path: options.lockFile).hold {
                try token.session.setPIN(old, new)
                try token.session.logout()
                try token.session.login(CKU_USER, pin: new)
            }
        } catch let error as PKCS11Error where error.call == "C_SetPIN" && error.isAboutThePIN {
            throw refusal("the token \(options.tokenName) does not take the new PIN (\(error))", .configuration)
        } catch {
            throw refusal("the PIN of the token \(options.tokenName) was perhaps not changed: \(error)", .failed)
        }
    }

    private static func refusal(_ message: String, _ exit: CustodyExit) -> CustodyStartError {
        CustodyStartError(DTAError(.failedPrecondition, message), exit)
    }
}
