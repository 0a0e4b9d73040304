import DTABytes

/// A secret key as wallets import it (Wallet Import Format): Base58Check of a byte for the network, the key, and 01 for
/// a compressed public key, the only kind here. 52 letters: K… or L…, on the test networks c….
///
/// It holds the key itself. It is bytes, not a `String`, so that the caller can wipe it.
public enum WIF {
    /// - Returns: ASCII.
    public static func encode(_ key: Secp256k1Scalar, _ network: BitcoinNetwork) -> Secret {
        // Of the right size from the start: no copy with a part of the key stays behind when an array grows.
        var payload = [UInt8](repeating: 1, count: Secp256k1Scalar.byteCount + 2)
        defer { wipe(&payload) }
        payload[0] = network.secretKeyVersion
        unsafe key.withUnsafeBytes { secret in
            unsafe payload.withUnsafeMutableBytes { target in
                unsafe UnsafeMutableRawBufferPointer(rebasing: target[1...Secp256k1Scalar.byteCount])
                    .copyMemory(from: secret)
            }
        }
        var text = Base58Check.encode(payload)
        return Secret(taking: &text)
    }

    /// - Throws: `FormatError.malformed` for malformed text; `unsupported` for keys of uncompressed public keys and of
    ///   other networks. No sentence holds a part of the text.
    public static func decode(_ text: some Collection<UInt8>) throws -> (key: Secp256k1Scalar, network: BitcoinNetwork)
    {
        var payload = try Base58Check.decode(text)
        defer { wipe(&payload) }
        guard let network = BitcoinNetwork.allCases.first(where: { $0.secretKeyVersion == payload.first }) else {
            throw FormatError(.unsupported, "not a secret key of Bitcoin's mainnet or testnet")
        }
        guard payload.count == Secp256k1Scalar.byteCount + 2, payload.last == 1 else {
            throw FormatError(.unsupported, "not a secret key whose public key is compressed")
        }
        return (try Secp256k1Scalar(payload[1...Secp256k1Scalar.byteCount]), network)
    }
}
