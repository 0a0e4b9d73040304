import DTAFormats

/// A share of a wallet's key that is here: the beneficiary's half, which dtad-hsm sealed.
public struct WalletShare: Sendable {
    /// Compressed point of secp256k1: 33 bytes.
    public let share: [UInt8]
    public let identity: CID
    /// The public envelope that offers it; nil where it was made for one order.
    public let published: CID?
    /// The order that uses it; nil where none does that is known here.
    public let order: CID?
    public let created: Int64
}
