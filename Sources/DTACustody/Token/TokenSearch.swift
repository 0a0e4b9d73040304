import CPKCS11
import CustodyProtocol
import DTASystem

/// Finds the one token that the configuration names; never "the first slot".
struct TokenSearch {
    private let options: HSMOptions
    /// Of the expected token; nil if any token with the label will do.
    private let serial: String?
    /// Every token that the module shows.
    private let tokens: [(slot: CK_SLOT_ID, info: CK_TOKEN_INFO)]

    /// - Parameter serial: as the front expects it. The configuration overrides it.
    init(_ module: Module, _ options: HSMOptions, serial: String?) throws {
        self.options = options
        self.serial = options.tokenSerial == nil && options.landmark == nil ? serial : nil
        tokens = try module.slots().compactMap { slot in
            // One broken token must not hide the others.
            guard let info = try? module.tokenInfo(slot), info.flags & CK_FLAGS(CKF_TOKEN_INITIALIZED) != 0 else {
                return nil
            }
            return (slot, info)
        }
    }

    /// - Throws: `CustodyStartError`.
    func select() throws -> (CK_SLOT_ID, CK_TOKEN_INFO) {
        let named = tokens.filter { token in
            if let label = options.tokenLabel, label != token.info.labelText { return false }
            if let serial = options.tokenSerial, serial != token.info.serialText { return false }
            return true
        }
        guard let first = named.first else { throw nowhere() }
        if let serial {
            guard let known = named.first(where: { $0.info.serialText == serial }) else {
                throw another(first.info.serialText, instead: serial)
            }
            return known
        }
        guard named.count == 1 else {
            throw CustodyStartError(
                DTAError(
                    .failedPrecondition, "\(named.count) tokens are called \(options.tokenName)",
                    hint: "name one of them by hsm.serial: " + named.map(\.info.serialText).joined(separator: ", ")),
                .configuration)
        }
        return first
    }

    private func nowhere() -> CustodyStartError {
        let others = tokens.prefix(5).map { "\"\($0.info.labelText)\" (serial number \($0.info.serialText))" }
        // SoftHSM shows a missing directory as an empty one.
        let fault = SoftHSMConfiguration(options)?.fault()
        return Token.away(
            options,
            "the module shows "
                + (others.isEmpty ? "no token" : "no such token, only " + others.joined(separator: ", "))
                + (fault.map { "; \($0)" } ?? ""))
    }

    private func another(_ found: String, instead serial: String) -> CustodyStartError {
        CustodyStartError(
            DTAError(
                .unavailable,
                "another token is in the place of \(options.tokenName): its serial number is \(found), and the agent's state "
                    + "belongs to that with serial number \(serial)",
                hint:
                    "put that one back, and dtad goes on by itself; if this one has the same keys, hsm.serial: \(found) "
                    + "says so"),
            .otherToken)
    }
}
