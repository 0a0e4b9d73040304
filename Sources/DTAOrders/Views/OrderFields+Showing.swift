import Crypto
import DTAFormats
import DTAPlugins

extension OrderFields {
    /// The fields as they are shown, sorted by name.
    var shown: [(String, String)] {
        values.sorted { $0.key < $1.key }.map { ($0.key, $0.value.shown) }
    }

    /// The characters of all values together up to which they are shown whole: an answer can have many redemptions,
    /// each with 64 KiB that its redeemer chose.
    private static let wholeLimit = 4096
    /// The characters of a value up to which it is shown whole in any case.
    private static let briefLimit = 96

    /// As `shown`; if that is too long, for each long value its beginning, its length in bytes (`NAME.bytes`), and its
    /// SHA-256 (`NAME.sha256`). No field's own name has a dot.
    var abridged: [(String, String)] {
        let whole = shown
        guard whole.reduce(0, { $0 + $1.1.utf8.count }) > OrderFields.wholeLimit else { return whole }
        return whole.flatMap { name, text -> [(String, String)] in
            guard text.utf8.count > OrderFields.briefLimit, let value = values[name] else { return [(name, text)] }
            let bytes = value.bytes ?? Array(text.utf8)
            return [
                (name, String(decoding: text.utf8.prefix(OrderFields.briefLimit), as: UTF8.self) + "…"),
                (name + ".bytes", "\(bytes.count)"),
                (name + ".sha256", OrderFieldValue.bytes(Array(SHA256.hash(data: bytes))).shown),
            ]
        }
    }
}

extension OrderDestruction {
    /// The receipt as it is shown.
    var shown: [(String, String)] {
        [("state", state.rawValue)] + (epoch > 0 ? [("epoch", "\(epoch)")] : [])
            + [("key", key), ("at", "\(at)"), ("statement", statement)]
    }
}
