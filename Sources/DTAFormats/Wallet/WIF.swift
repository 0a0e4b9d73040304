/// A secret key as wallets import it (Wallet Import Format): Base58Check of a byte for the network, the key, and 01 for
/// a compressed public key, the only kind here. 52 letters: K… or L…, on the test networks c….
///
/// It holds the key itself. It is bytes, not a `String`, so that the caller can wipe it.
public enum WIF {
    /// - Returns: ASCII, which the caller wipes.
    public static func encode(_ key: Secp256k1Scalar, _ network: BitcoinNetwork) -> [UInt8] {
        // Of the right size from the start: no copy with a part of the key stays behind when an array grows.
        var payload = [UInt8](repeating: 1, count: Secp256k1Scalar.byteCount + 2)
        defer { Secp256k1Context.erase(&payload) }
        payload[0] = network.secretKeyVersion
        unsafe key.withUnsafeBytes { secret in
            unsafe payload.withUnsafeMutableBytes { target in
                unsafe UnsafeMutableRawBufferPointer(rebasing: target[1...Secp256k1Scalar.byteCount])
                    .copyMemory(from: secret)
            }
        }
        return Base58Check.encode(payload)
    }

    /// - Throws: `FormatError.malformed` for malformed text; `unsupported` for keys of uncompressed public keys and of
    ///   other networks. No sentence holds a part of the text.
    public static func decode(_ text: some Collection<UInt8>) throws -> (key: Secp256k1Scalar, network: BitcoinNetwork)
    {
        var payload = try Base58Check.decode(text)
        defer { Secp256k1Context.erase(&payload) }
        guard let network = BitcoinNetwork.allCases.first(where: { $0.secretKeyVersion == payload.first }) else {
            throw FormatError(.unsupported, "not a secret key of Bitcoin's mainnet or testnet")
        }
        guard payload.count == Secp256k1Scalar.byteCount + 2, payload.last == 1 else {
            throw FormatError(.unsupported, "not a secret key whose public key is compressed")
        }
        var secret = Array(payload[1...Secp256k1Scalar.byteCount])
        defer { Secp256k1Context.erase(&secret) }
        return (try Secp256k1Scalar(secret), network)
    }
}
