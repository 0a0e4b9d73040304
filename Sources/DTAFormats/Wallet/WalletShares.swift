/// Public keys that a beneficiary publishes in advance, each for one wallet: { type, shares }, in a public envelope
/// that it signs. Part 1 of an order takes one of them; the fiduciary refuses one that another order has used.
public struct WalletShares: Hashable, Sendable {
    /// The envelope's.
    public static let contentType = "application/vnd.dta.wallet-shares"
    public static let type = "dta/wallet-shares/1"
    /// How many one envelope holds.
    public static let counts = 1...100

    /// In the order in which they are to be used, each once.
    public let shares: [Secp256k1PublicKey]

    /// - Throws: `FormatError.invalidArgument` for none, more than 100, or the same twice.
    public init(_ shares: [Secp256k1PublicKey]) throws {
        guard WalletShares.counts.contains(shares.count) else {
            throw FormatError(
                .invalidArgument,
                "1 to \(WalletShares.counts.upperBound) shares are published at once, not \(shares.count)")
        }
        guard Set(shares).count == shares.count else {
            throw FormatError(.invalidArgument, "the same share is there twice: each is for one wallet")
        }
        self.shares = shares
    }

    /// Reads an envelope's plaintext.
    /// - Throws: `FormatError` unless it is the canonical DAG-CBOR of 1 to 100 different points.
    public init(_ plaintext: [UInt8]) throws {
        var reader = try DocumentReader(DAGCBOR.decode(plaintext), "a list of wallet shares")
        try reader.type(WalletShares.type)
        let items = try reader.list("shares")
        try reader.finish()
        // Before each of them costs a square root.
        guard WalletShares.counts.contains(items.count) else {
            throw FormatError(.malformed, "a list of wallet shares has 1 to \(WalletShares.counts.upperBound) of them")
        }
        let shares = try items.map { item in
            guard case .bytes(let bytes) = item else { throw FormatError(.malformed, "a wallet share is 33 bytes") }
            return try Secp256k1PublicKey(bytes)
        }
        guard Set(shares).count == shares.count else { throw FormatError(.malformed, "a wallet share is there twice") }
        self.shares = shares
    }

    /// The plaintext: canonical DAG-CBOR.
    public func encoded() throws -> [UInt8] {
        try DAGCBOR.encode(
            .map(["type": .text(WalletShares.type), "shares": .list(shares.map { .bytes($0.bytes) })]))
    }
}
