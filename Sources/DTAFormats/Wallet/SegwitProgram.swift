/// A witness program (BIP-141): a version from 0 to 16 and 2 to 40 bytes, and its text by BIP-173 and BIP-350.
struct SegwitProgram: Hashable, Sendable {
    let network: BitcoinNetwork
    let version: UInt8
    let bytes: [UInt8]

    /// - Throws: `FormatError.malformed` for a version above 16, and for lengths that the version does not have.
    init(_ network: BitcoinNetwork, version: UInt8, bytes: [UInt8]) throws {
        guard version <= 16 else { throw FormatError(.malformed, "a witness version is 0 to 16") }
        guard (2...40).contains(bytes.count), version > 0 || bytes.count == 20 || bytes.count == 32 else {
            throw FormatError(.malformed, "a witness program of a length that its version does not have")
        }
        self.network = network
        self.version = version
        self.bytes = bytes
    }

    /// Reads an address in one case, upper or lower.
    /// - Throws: `FormatError.malformed`.
    init(_ text: String) throws {
        let (readable, values, checksum) = try Bech32.decode(text)
        guard let network = BitcoinNetwork.allCases.first(where: { $0.readablePart == readable }) else {
            throw FormatError(.malformed, "not an address of Bitcoin's mainnet (bc1…) or testnet (tb1…)")
        }
        guard let version = values.first else { throw FormatError(.malformed, "an address without a witness program") }
        // BIP-350: Bech32 for version 0, Bech32m for all others.
        guard checksum == SegwitProgram.checksum(version) else {
            throw FormatError(.malformed, "an address with the checksum of another witness version")
        }
        try self.init(network, version: version, bytes: SegwitProgram.join(values.dropFirst()))
    }

    /// The address, in lower case.
    var text: String {
        Bech32.encode(
            network.readablePart, [version] + SegwitProgram.split(bytes), SegwitProgram.checksum(version))
    }

    /// OP_n and the push of the bytes.
    var script: [UInt8] { [version == 0 ? 0 : 0x50 + version, UInt8(bytes.count)] + bytes }

    private static func checksum(_ version: UInt8) -> Bech32.Checksum { version == 0 ? .bech32 : .bech32m }

    /// Bytes as groups of five bits, the last filled up with zeros.
    private static func split(_ bytes: [UInt8]) -> [UInt8] {
        var (groups, pending, count): ([UInt8], UInt32, UInt32) = ([], 0, 0)
        for byte in bytes {
            pending = (pending << 8 | UInt32(byte)) & 0xfff
            count += 8
            while count >= 5 {
                count -= 5
                groups.append(UInt8(pending >> count & 31))
            }
        }
        if count > 0 { groups.append(UInt8(pending << (5 - count) & 31)) }
        return groups
    }

    /// Groups of five bits as bytes: at most four bits are left, all zero.
    private static func join(_ groups: ArraySlice<UInt8>) throws -> [UInt8] {
        var (bytes, pending, count): ([UInt8], UInt32, UInt32) = ([], 0, 0)
        for group in groups {
            pending = (pending << 5 | UInt32(group)) & 0xfff
            count += 5
            if count >= 8 {
                count -= 8
                bytes.append(UInt8(truncatingIfNeeded: pending >> count))
            }
        }
        guard count < 5, pending & (1 << count - 1) == 0 else {
            throw FormatError(.malformed, "an address with bits after its witness program")
        }
        return bytes
    }
}
