import DTAFormats

/// What people and other programs hand in for a wallet: addresses, secret keys, points, lists of shares, and what a
/// principal safeguarded.
enum WalletTarget: FuzzTarget {
    private static let secret = try? Secp256k1Scalar([UInt8](repeating: 1, count: Secp256k1Scalar.byteCount))
    private static let part2 = CID(hashing: [], codec: .dagCBOR)

    static func run(_ bytes: [UInt8]) {
        if let text = String(validating: bytes, as: UTF8.self), let address = try? BitcoinAddress(text) {
            let written = address.description
            claim(written == text || written == text.lowercased(), "an address has one spelling, but for its case")
            claim((try? BitcoinAddress(written)) == address, "an address is read as it is written")
            claim(address.program.count == (address.kind == .p2tr ? 32 : 20), "a program has its kind's length")
        }
        if let (key, network) = try? WIF.decode(bytes) {
            claim(WIF.encode(key, network).isEqual(to: bytes.span), "a secret key has one spelling")
        }
        if let key = try? Secp256k1PublicKey(bytes) {
            claim(key.bytes == bytes, "a point has one form")
            claim((try? key.negative)?.bytes != bytes, "no point is its own negative")
        }
        if let list = try? WalletShares(bytes) {
            claim(WalletShares.counts.contains(list.shares.count), "a list of shares keeps its bounds")
            claim((try? list.encoded()) == bytes, "a list of shares has one form")
        }
        if let secret, let plaintext = try? SafeguardCipher.open(bytes, with: secret, commitment: part2) {
            claim(plaintext.count == bytes.count - SafeguardCipher.overhead, "sealing adds the same to everything")
        }
    }
}
