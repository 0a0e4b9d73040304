@unsafe @preconcurrency import CSecp256k1
import Crypto

/// The addresses of one public key, from which its secret key spends.
public struct WalletAddresses: Sendable {
    public let publicKey: Secp256k1PublicKey

    public init(publicKey: Secp256k1PublicKey) { self.publicKey = publicKey }

    /// Pay to public key hash.
    public func p2pkh(_ network: BitcoinNetwork) -> BitcoinAddress {
        BitcoinAddress(.p2pkh, network, program: publicKeyHash)
    }

    /// Pay to witness public key hash (BIP-141, BIP-173): the usual choice.
    public func p2wpkh(_ network: BitcoinNetwork) -> BitcoinAddress {
        BitcoinAddress(.p2wpkh, network, program: publicKeyHash)
    }

    /// Pay to Taproot by the key alone, without scripts (BIP-341, BIP-86), so that there is no second way to spend.
    /// - Throws: `FormatError.malformed` for a key whose tweak is no number below the curve's order, which has never
    ///   been seen.
    public func p2tr(_ network: BitcoinNetwork) throws -> BitcoinAddress {
        BitcoinAddress(.p2tr, network, program: try WalletAddresses.outputKey(internalKey: publicKey.x))
    }

    /// - Throws: as ``p2tr(_:)`` does.
    public func address(_ kind: BitcoinAddress.Kind, _ network: BitcoinNetwork) throws -> BitcoinAddress {
        switch kind {
        case .p2pkh: p2pkh(network)
        case .p2wpkh: p2wpkh(network)
        case .p2tr: try p2tr(network)
        }
    }

    /// Whether the key spends from an address.
    public func contains(_ address: BitcoinAddress) -> Bool {
        (try? self.address(address.kind, address.network)) == address
    }

    /// RIPEMD-160(SHA-256(compressed key)).
    private var publicKeyHash: [UInt8] { RIPEMD160.hash(Array(SHA256.hash(data: publicKey.bytes))) }

    /// x of P + taggedhash("TapTweak", P ‖ root)·G, where P is the point of the internal key with an even y.
    /// - Parameter internalKey: 32 bytes.
    /// - Parameter root: that of the tree of scripts; empty if there is none.
    static func outputKey(internalKey: [UInt8], root: [UInt8] = []) throws -> [UInt8] {
        let tweak = BIP340.taggedHash("TapTweak", internalKey, root)
        var (key, output) = (secp256k1_xonly_pubkey(), secp256k1_pubkey())
        guard internalKey.count == 32,
            unsafe secp256k1_xonly_pubkey_parse(secp256k1_context_static, &key, internalKey) == 1,
            unsafe secp256k1_xonly_pubkey_tweak_add(secp256k1_context_static, &output, &key, tweak) == 1
        else { throw FormatError(.malformed, "not a key that a Taproot address can be made of") }
        return Secp256k1PublicKey(output).x
    }
}
