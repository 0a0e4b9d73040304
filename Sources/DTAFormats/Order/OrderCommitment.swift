/// Part 2: the fiduciary has made the secret, and this is what stands for it in public.
public struct OrderCommitment: Hashable, Sendable, PartPlaintext {
    public static let publicLimit = 1024
    public static let proofLimit = 1024

    public let heading: OrderHeading
    public let kind: String
    /// The terms of part 1, as the fiduciary accepted them.
    public let terms: OrderTerms
    /// The public key of the secret, or a plugin's receipt: 1 to 1,024 bytes.
    public let publicKey: [UInt8]
    /// The proof that the fiduciary has the secret: up to 1,024 bytes.
    public let proof: [UInt8]
    /// The plugin's fields.
    public let fields: OrderFields

    /// - Throws: `FormatError` for lengths out of bounds.
    public init(
        order: CID, kind: String, terms: OrderTerms, publicKey: [UInt8], proof: [UInt8], fields: OrderFields = .none
    ) throws {
        heading = OrderHeading(order: order, use: 0, terms: terms)
        self.kind = kind
        self.terms = terms
        self.publicKey = publicKey
        self.proof = proof
        self.fields = fields
        // Only values that can be read are made.
        _ = try OrderCommitment(try encoded())
    }

    /// Reads a plaintext.
    /// - Throws: `FormatError`.
    public init(_ plaintext: Span<UInt8>) throws {
        var reader: DocumentReader
        (heading, reader) = try OrderHeading.open(plaintext, .commitment, uses: 0...0) { _ in 2 }
        kind = try reader.text("kind")
        try DocumentRules.check(word: kind, atMost: Order.kindLimit, "an order's kind")
        terms = try OrderTerms(reader.value("terms"))
        publicKey = try reader.bytes("public", in: 1...OrderCommitment.publicLimit)
        proof = try reader.bytes("proof", in: 0...OrderCommitment.proofLimit)
        fields = try OrderFields(reader.value("fields"))
        try reader.finish()
        try heading.check(order: heading.order, terms: terms)
    }

    /// The plaintext: DAG-CBOR.
    public func encoded() throws -> [UInt8] {
        try heading.encode(
            .commitment, part: 2,
            [
                "kind": .text(kind), "terms": terms.value, "public": .bytes(publicKey), "proof": .bytes(proof),
                "fields": fields.value,
            ])
    }
}
