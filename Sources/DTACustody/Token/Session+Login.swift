import CPKCS11
import CustodyProtocol
import DTASystem

extension Session {
    /// Logs in, if the token has not refused this PIN before; the caller holds the lock of log-ins.
    /// - Parameter token: as found after the lock was taken.
    /// - Throws: `CustodyStartError`; `PKCS11Error` for errors that are not about the PIN.
    func logInOnce(_ options: HSMOptions, pin: SecretBytes, token: CK_TOKEN_INFO) throws {
        let serial = token.serialText
        let record = LoginRecord(options)
        let content = try record.read()
        if let refused = content.refused, refused.matches(pin, serial: serial) {
            throw Session.refusal(
                "the token \(options.tokenName) refused the PIN before, and it is not tried again",
                hint: "correct the PIN and restart dtad; if the token got this PIN meanwhile, remove \(record.path) "
                    + "first")
        }
        if case .begun(Array(serial.utf8), _) = content, token.hasCountedAWrongPIN {
            throw Session.refusal(
                "a log-in to the token \(options.tokenName) was cut off, and the token has counted a wrong PIN since: the "
                    + "PIN is not tried again",
                hint: "correct the PIN, or make sure that it is right; then remove \(record.path) and restart dtad")
        }
        let attempt = try record.begin(serial: serial, before: content.refused)
        do {
            try login(CKU_USER, pin: pin)
        } catch let error as PKCS11Error where error.isAboutThePIN {
            if error.isWrongPIN { attempt.refused(RefusedPIN(pin, serial: serial)) } else { attempt.failed() }
            throw Session.refusal(
                "the token \(options.tokenName) refused the PIN (\(error))",
                hint: "dtad does not try again by itself, because some HSMs destroy their keys after a few wrong "
                    + "PINs; correct the PIN and restart dtad")
        } catch {
            attempt.failed()
            throw error
        }
        attempt.succeeded()
    }

    private static func refusal(_ message: String, hint: String) -> CustodyStartError {
        CustodyStartError(DTAError(.failedPrecondition, message, hint: hint), .wrongPIN)
    }
}

extension CK_TOKEN_INFO {
    /// Whether a wrong user PIN was given since the last log-in that worked. Not all tokens tell.
    fileprivate var hasCountedAWrongPIN: Bool {
        flags & CK_FLAGS(CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY | CKF_USER_PIN_LOCKED) != 0
    }
}
