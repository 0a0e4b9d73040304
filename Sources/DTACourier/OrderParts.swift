/// Which envelopes are parts of orders.
public enum OrderParts {
    private static let base = "application/vnd.dta.order"

    /// - Parameter contentType: an envelope's.
    public static func include(contentType: String) -> Bool {
        contentType == base || contentType.hasPrefix(base + ".")
    }
}
