import DTAFormats

/// A share of a wallet's key that is here: the beneficiary's half, which dtad-hsm sealed.
package struct WalletShare: Sendable {
    /// Compressed point of secp256k1: 33 bytes.
    package let share: [UInt8]
    package let identity: CID
    /// The public envelope that offers it; nil where it was made for one order.
    package let published: CID?
    /// The order that uses it; nil where none does that is known here.
    package let order: CID?
    package let created: Int64
}
