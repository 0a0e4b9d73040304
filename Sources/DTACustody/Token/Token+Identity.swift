import CPKCS11
import CustodyProtocol
import DTASystem

extension Token {
    /// Finds out which token this is, and compares it with the one that the configuration or the front expects.
    /// - Parameter expected: the landmark that the front expects; that of the configuration overrides it.
    /// - Throws: `CustodyStartError`.
    func identify(_ options: HSMOptions, expected: [UInt8]?) throws -> TokenIdentity {
        let found: [UInt8]?
        do {
            try KeyKind.aes256.require(on: self)
            found = try Landmark.read(session)
        } catch let error as DTAError {
            throw unfit(error.message)
        } catch let error as PKCS11Error {
            guard error.isRefusal else { throw Token.away(options, "\(error)") }
            throw unfit("the token \(options.tokenName) refuses what AES-256-GCM needs: \(error)")
        }
        let wanted = options.landmark ?? expected
        guard let found else { throw wanted == nil ? empty(options) : other(options, "it has none") }
        let identity = TokenIdentity(serial: info.serialText, landmark: found)
        if let wanted, wanted != found {
            throw other(
                options,
                "its landmark is \(identity.landmarkText), and that of the right one \(TokenIdentity.text(wanted))",
                hint: "; if this one is to take its place, hsm.landmark: \(identity.landmarkText) says so")
        }
        return identity
    }

    private func unfit(_ why: String) -> CustodyStartError {
        CustodyStartError(
            DTAError(
                .failedPrecondition, "\(why); D-TA seals by it all that it keeps",
                hint: "another HSM: docs/operations.md lists the mechanisms that D-TA needs"),
            .tokenUnfit)
    }

    private func empty(_ options: HSMOptions) -> CustodyStartError {
        CustodyStartError(
            DTAError(
                .unavailable,
                "the token \(options.tokenName) has no key \(Landmark.label.text), which D-TA makes on a new one",
                hint:
                    "on a new token, dtad-hsm makes it with its other keys (docs/custody.md); one that was in use before lost it"
            ),
            .tokenAway)
    }

    private func other(_ options: HSMOptions, _ why: String, hint: String = "") -> CustodyStartError {
        CustodyStartError(
            DTAError(
                .unavailable,
                "the token \(options.tokenName) (serial number \(info.serialText)) is not the one that the agent's state "
                    + "belongs to: its key \(Landmark.label.text) is another; \(why)",
                hint: "put the right one back, and dtad goes on by itself" + hint),
            .otherToken)
    }
}
