/// What a principal sealed to the commitment, for the recipient of the release. It travels inside an envelope only, and
/// is post-quantum only there: HPKE here is by secp256k1.
public struct OrderDeposit: Hashable, Sendable, PartPlaintext {
    /// The largest content.
    public static let contentLimit = 128 << 10
    // HPKE with DHKEM(secp256k1): an uncompressed point; AES-256-GCM's tag.
    static let overhead = 65 + 16

    public let heading: OrderHeading
    /// Part 2.
    public let commitment: CID
    /// The media type of the content.
    public let content: String
    /// HPKE's `enc` (65 bytes) ‖ ciphertext ‖ tag.
    public let sealed: [UInt8]

    /// - Throws: `FormatError` for a wrong length.
    public init(order: CID, terms: OrderTerms, commitment: CID, content: String, sealed: [UInt8]) throws {
        heading = OrderHeading(order: order, use: 0, terms: terms)
        self.commitment = commitment
        self.content = content
        self.sealed = sealed
        // Only values that can be read are made.
        _ = try OrderDeposit(try encoded())
    }

    /// Reads a plaintext.
    /// - Throws: `FormatError`.
    public init(_ plaintext: Span<UInt8>) throws {
        var reader: DocumentReader
        (heading, reader) = try OrderHeading.open(plaintext, .deposit, uses: 0...0) { _ in 2 }
        commitment = try reader.link("commitment")
        content = try reader.text("content")
        try DocumentRules.check(mediaType: content)
        sealed = try reader.bytes(
            "sealed", in: OrderDeposit.overhead...OrderDeposit.contentLimit + OrderDeposit.overhead)
        try reader.finish()
    }

    /// The plaintext: DAG-CBOR.
    public func encoded() throws -> [UInt8] {
        try heading.encode(
            .deposit, part: 2,
            ["commitment": .link(commitment), "content": .text(content), "sealed": .bytes(sealed)])
    }
}
