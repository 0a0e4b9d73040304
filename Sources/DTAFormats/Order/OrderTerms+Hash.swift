import Crypto

extension OrderTerms {
    /// SHA-256 of their DAG-CBOR, 32 bytes: a share of a wallet that was made for one order is sealed with it.
    public var hash: [UInt8] { get throws { Array(SHA256.hash(data: try DAGCBOR.encode(value))) } }

    /// In bytes.
    public static let hashSize = 32
}
