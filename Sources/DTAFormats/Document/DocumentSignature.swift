import Crypto

/// One entry of a signed document's `signatures`.
struct DocumentSignature: Hashable {
    /// Whose signature it is, in the order in which they stand.
    enum Role: String {
        /// The document's own identity.
        case own = "self"
        /// The identity that the document replaces.
        case previous
        /// The offline key that the document being replaced names.
        case recovery
        /// The post-quantum key beside `self`.
        case pq
    }

    // FIPS 204, table 2.
    static let mldsa65PublicKeySize = 1952
    static let mldsa65SignatureSize = 3309

    let role: Role
    let signature: [UInt8]

    var value: DAGCBOR.Value { .map(["by": .text(role.rawValue), "sig": .bytes(signature)]) }

    /// Reads `signatures` where one key alone may sign, or one and its post-quantum companion.
    static func read(_ values: [DAGCBOR.Value], of document: String) throws -> [DocumentSignature] {
        try values.map { value in
            var reader = try DocumentReader(value, "a signature of \(document)")
            guard let role = Role(rawValue: try reader.text("by")) else {
                throw FormatError(
                    .unsupported, "\(document) is signed by self, previous, recovery or pq, by no one else")
            }
            switch role {
            case .previous, .recovery:
                throw FormatError(
                    .unsupported,
                    "\(document) with a signature by \"\(role.rawValue)\" is not accepted by this version: it cannot check it"
                )
            case .own, .pq: break
            }
            let signature = try reader.bytes("sig", count: role == .pq ? mldsa65SignatureSize : 64)
            try reader.finish()
            return DocumentSignature(role: role, signature: signature)
        }
    }

    /// Checks that there are exactly the signatures that the signer's keys call for, in their order, and that each fits.
    static func verify(
        _ signatures: [DocumentSignature], by key: SigningKey, pq: [UInt8]?, context: String, hash: [UInt8]
    ) throws {
        let expected: [Role] = pq == nil ? [.own] : [.own, .pq]
        guard signatures.map(\.role) == expected else {
            let names = expected.map(\.rawValue).joined(separator: " and then by ")
            throw FormatError(.badSignature, "this document is to be signed by \(names), and by no one else")
        }
        try key.verify(signatures[0].signature, context: context, hash: hash)
        guard let pq else { return }
        guard let postQuantum = try? MLDSA65.PublicKey(rawRepresentation: pq) else {
            throw FormatError(.malformed, "the post-quantum key is not an ML-DSA-65 one")
        }
        let message = try SignedBytes.make(context: context, hash: hash)
        guard postQuantum.isValidSignature(signatures[1].signature, for: message) else {
            throw FormatError(
                .badSignature, "the post-quantum signature does not fit the document and its signer's key")
        }
    }
}
