import DTAFormats

/// A share of a wallet's key on this host: the beneficiary's half, sealed by dtad-hsm.
package struct WalletShare: Sendable {
    /// Compressed point of secp256k1: 33 bytes.
    package let share: [UInt8]
    package let identity: CID
    /// The public envelope that offers it; nil if it was made for one order.
    package let published: CID?
    /// The order that uses it; nil if no order known here does.
    package let order: CID?
    package let created: Int64
}
