import Crypto

/// The Bitcoin network of an address.
public enum BitcoinNetwork: String, Sendable, CaseIterable, CustomStringConvertible {
    case mainnet
    /// The test networks: testnet and signet write their addresses alike.
    case testnet

    public var description: String { rawValue }

    /// Of SegWit addresses (BIP-173).
    var readablePart: String { self == .mainnet ? "bc" : "tb" }
    /// The first byte of a P2PKH address.
    var publicKeyHashVersion: UInt8 { self == .mainnet ? 0x00 : 0x6f }
    /// The first byte of a secret key in WIF.
    var secretKeyVersion: UInt8 { self == .mainnet ? 0x80 : 0xef }
}

/// An address that one key spends from, of the kinds that this project makes.
public struct BitcoinAddress: Hashable, Sendable, CustomStringConvertible {
    public enum Kind: String, Sendable, CaseIterable, CustomStringConvertible {
        /// Pay to the hash of a public key: `1…`, on the test networks `m…` or `n…`.
        case p2pkh
        /// The same as a witness (BIP-141, BIP-173): `bc1q…`, `tb1q…`.
        case p2wpkh
        /// Pay to Taproot (BIP-341, BIP-350): `bc1p…`, `tb1p…`.
        case p2tr

        public var description: String { rawValue }
    }

    public let kind: Kind
    public let network: BitcoinNetwork
    /// The hash of the public key, 20 bytes; for P2TR the output key's x, 32 bytes.
    public let program: [UInt8]

    init(_ kind: Kind, _ network: BitcoinNetwork, program: [UInt8]) {
        self.kind = kind
        self.network = network
        self.program = program
    }

    /// Reads an address. SegWit addresses may be all in upper case, as QR codes have them.
    /// - Throws: `FormatError.malformed` for malformed text; `unsupported` for other kinds: scripts, and witness
    ///   versions from which no key can spend.
    public init(_ text: String) throws {
        let start = text.prefix(3).lowercased()
        if BitcoinNetwork.allCases.contains(where: { start == $0.readablePart + "1" }) {
            try self.init(SegwitProgram(text))
            return
        }
        let payload = try Base58Check.decode(text.utf8)
        guard payload.count == 21 else { throw FormatError(.malformed, "not an address: it has another length") }
        guard let network = BitcoinNetwork.allCases.first(where: { $0.publicKeyHashVersion == payload[0] }) else {
            throw FormatError(
                .unsupported, "an address of another kind than p2pkh, p2wpkh and p2tr, or another network")
        }
        self.init(.p2pkh, network, program: Array(payload[1...]))
    }

    private init(_ program: SegwitProgram) throws {
        switch (program.version, program.bytes.count) {
        case (0, 20): self.init(.p2wpkh, program.network, program: program.bytes)
        case (1, 32):
            // No key can spend from x that is no point: coins sent there are lost.
            guard (try? Secp256k1PublicKey([2] + program.bytes)) != nil else {
                throw FormatError(.malformed, "a p2tr address whose key is no point of the curve")
            }
            self.init(.p2tr, program.network, program: program.bytes)
        default:
            throw FormatError(
                .unsupported, "an address of another kind than p2pkh, p2wpkh and p2tr, or another network")
        }
    }

    /// The script of an output that pays to this address (scriptPubKey).
    public var script: [UInt8] {
        switch kind {
        // OP_DUP OP_HASH160, a push of 20 bytes, OP_EQUALVERIFY OP_CHECKSIG.
        case .p2pkh: [0x76, 0xa9, 20] + program + [0x88, 0xac]
        case .p2wpkh: [0, 20] + program
        case .p2tr: [0x51, 32] + program
        }
    }

    /// The address as people write it.
    public var description: String {
        switch kind {
        case .p2pkh:
            String(decoding: Base58Check.encode([network.publicKeyHashVersion] + program), as: UTF8.self)
        case .p2wpkh, .p2tr:
            // The lengths are those of the initialisers, so there is no other case.
            (try? SegwitProgram(network, version: kind == .p2tr ? 1 : 0, bytes: program))?.text ?? ""
        }
    }
}
