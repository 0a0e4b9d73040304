import Crypto

/// One entry of a signed document's `signatures`.
struct DocumentSignature: Hashable {
    /// The signer, in the order of the signatures.
    enum Role: String, CaseIterable {
        /// The document's own identity.
        case own = "self"
        /// The identity that the document replaces or revokes.
        case previous
        /// The offline key that the identity being replaced or revoked names.
        case recovery
        /// The post-quantum key beside `self`.
        case pq
    }

    // FIPS 204, table 2.
    static let mldsa65PublicKeySize = 1952
    static let mldsa65SignatureSize = 3309

    let role: Role
    let signature: [UInt8]
    /// Of `recovery`: the Ed25519 public key, 32 bytes.
    var key: [UInt8]?
    /// Of `previous`: the ML-DSA-65 signature of an identity that has such a key.
    var postQuantum: [UInt8]?

    var value: DAGCBOR.Value {
        var map: DAGCBOR.Map = ["by": .text(role.rawValue), "sig": .bytes(signature)]
        map["key"] = key.map { .bytes($0) }
        map["pq"] = postQuantum.map { .bytes($0) }
        return .map(map)
    }

    /// Reads `signatures`.
    /// - Parameter roles: who may sign such a document.
    static func read(
        _ values: [DAGCBOR.Value], of document: String, by roles: Set<Role> = [.own, .pq]
    ) throws -> [DocumentSignature] {
        guard values.count <= roles.count else {
            throw FormatError(.badSignature, "\(document) has \(roles.count) signatures at most, not \(values.count)")
        }
        return try values.map { value in
            var reader = try DocumentReader(value, "a signature of \(document)")
            guard let role = Role(rawValue: try reader.text("by")), roles.contains(role) else {
                let names = Role.allCases.filter(roles.contains).map(\.rawValue).joined(separator: ", ")
                throw FormatError(.unsupported, "\(document) is signed by \(names) only")
            }
            let signature = try reader.bytes("sig", count: role == .pq ? mldsa65SignatureSize : 64)
            let key = role == .recovery ? try reader.bytes("key", count: 32) : nil
            let postQuantum =
                role == .previous ? try reader.optionalBytes("pq", count: mldsa65SignatureSize) : nil
            try reader.finish()
            return DocumentSignature(role: role, signature: signature, key: key, postQuantum: postQuantum)
        }
    }

    /// Signs with the keys that an identity has: its own, and then its post-quantum one.
    /// - Throws: what the closures throw; `FormatError.invalidArgument` unless there is a closure for each key.
    static func make(
        by identity: Identity, context: String, hash: [UInt8], with sign: DocumentSign, postQuantum: DocumentSign?
    ) throws -> [DocumentSignature] {
        guard (identity.pq == nil) == (postQuantum == nil) else {
            throw FormatError(
                .invalidArgument,
                identity.pq == nil
                    ? "the identity has no post-quantum key to sign with"
                    : "the identity has a post-quantum key, which has to sign as well")
        }
        let own = DocumentSignature(
            role: .own, signature: try identity.signing.normalised(sign(context, hash)))
        return try [own] + (postQuantum.map { [DocumentSignature(role: .pq, signature: try $0(context, hash))] } ?? [])
    }

    /// Checks that there are exactly the signatures that the signer's keys call for, in their order, and that each
    /// fits.
    static func verify(
        _ signatures: [DocumentSignature], by key: SigningKey, pq: [UInt8]?, context: String, hash: [UInt8]
    ) throws {
        let expected: [Role] = pq == nil ? [.own] : [.own, .pq]
        guard signatures.map(\.role) == expected else {
            let names = expected.map(\.rawValue).joined(separator: " and then by ")
            throw FormatError(.badSignature, "this document is to be signed by \(names) only")
        }
        try key.verify(signatures[0].signature, context: context, hash: hash)
        if let pq { try verify(signatures[1].signature, postQuantum: pq, context: context, hash: hash) }
    }

    /// Checks an ML-DSA-65 signature with empty `ctx` (FIPS 204).
    static func verify(_ signature: [UInt8], postQuantum key: [UInt8], context: String, hash: [UInt8]) throws {
        guard let postQuantum = try? MLDSA65.PublicKey(rawRepresentation: key) else {
            throw FormatError(.malformed, "the post-quantum key is not an ML-DSA-65 one")
        }
        let message = try SignedBytes.make(context: context, hash: hash)
        guard postQuantum.isValidSignature(signature, for: message) else {
            throw FormatError(
                .badSignature, "the post-quantum signature does not fit the document and its signer's key")
        }
    }
}
