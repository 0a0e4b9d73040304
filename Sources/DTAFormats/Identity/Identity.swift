import Crypto

/// A name, the keys with which it signs, and the keys with which others seal to it. It counts only inside a
/// ``SignedIdentity``.
public struct Identity: Hashable, Sendable {
    public static let type = "dta/identity/1"
    // FIPS 203: an ML-KEM-768 encapsulation key.
    static let mlkemSize = 1184
    /// ML-KEM-768 (1184) ‖ X25519 (32).
    public static let kemSize = mlkemSize + 32

    /// What a person calls it: neither unique nor trusted.
    public let name: String
    /// Unix seconds, for people: no decision depends on it.
    public let created: Int64
    public let signing: SigningKey
    /// The X-Wing public key: ML-KEM-768 ‖ X25519.
    public let kem: [UInt8]
    /// An ML-DSA-65 public key, whose signature is then required beside the other.
    public let pq: [UInt8]?
    /// SHA-256 of an offline Ed25519 key that can revoke this identity or rotate it with priority.
    public let recovery: [UInt8]?
    /// The identity that this one replaces.
    public let previous: CID?

    /// - Throws: `FormatError` for a field out of bounds; `kem` is tried by an encapsulation.
    public init(
        name: String, created: Int64, signing: SigningKey, kem: [UInt8], pq: [UInt8]? = nil, recovery: [UInt8]? = nil,
        previous: CID? = nil
    ) throws {
        try DocumentRules.check(name: name)
        try DocumentRules.check(time: created)
        guard recovery.map({ $0.count == 32 }) ?? true else {
            throw FormatError(.malformed, "an identity names its recovery key by a SHA-256 of 32 bytes")
        }
        guard previous.map({ $0.codec == .dagCBOR }) ?? true else {
            throw FormatError(.malformed, "an identity replaces another identity, not a block of another kind")
        }
        guard pq.map({ $0.count == DocumentSignature.mldsa65PublicKeySize }) ?? true else {
            throw FormatError(.malformed, "an identity's post-quantum signing key is an ML-DSA-65 one")
        }
        self.name = name
        self.created = created
        self.signing = signing
        self.kem = kem
        self.pq = pq
        self.recovery = recovery
        self.previous = previous
        // Parsing alone would accept a point of small order of X25519, to which nothing can be sealed.
        guard (try? publicKEM.encapsulate()) != nil else {
            throw FormatError(
                .malformed,
                "an identity's kem is an X-Wing public key of \(Identity.kemSize) bytes: nothing can be sealed to this")
        }
    }

    init(_ value: DAGCBOR.Value) throws {
        var reader = try DocumentReader(value, "an identity")
        try reader.type(Identity.type)
        let name = try reader.text("name")
        let created = try reader.time("created")
        let signing = try SigningKey(tagged: reader.bytes("signing", atMost: 64))
        let kem = try reader.bytes("kem", count: Identity.kemSize)
        let pq = try reader.optionalBytes("pq", count: DocumentSignature.mldsa65PublicKeySize)
        let recovery = try reader.optionalBytes("recovery", count: 32)
        let previous = try reader.optionalLink("previous")
        try reader.finish()
        try self.init(
            name: name, created: created, signing: signing, kem: kem, pq: pq, recovery: recovery, previous: previous)
    }

    /// Reads an identity that is not signed yet, to check it before it is signed.
    /// - Parameter encoded: its DAG-CBOR, as `encoded` gives it.
    /// - Throws: `FormatError`.
    public init(encoded: [UInt8]) throws {
        guard encoded.count <= SignedIdentity.maximumSize else {
            throw FormatError(.malformed, "an identity has \(SignedIdentity.maximumSize) bytes at most")
        }
        try self.init(DAGCBOR.decode(encoded, mostValues: DAGCBOR.documentValues))
    }

    var publicKEM: XWingMLKEM768X25519.PublicKey {
        get throws { try XWingMLKEM768X25519.PublicKey(rawRepresentation: kem) }
    }

    var value: DAGCBOR.Value {
        var map: DAGCBOR.Map = [
            "type": .text(Identity.type), "name": .text(name), "created": .integer(created),
            "signing": .bytes(signing.tagged), "kem": .bytes(kem),
        ]
        map["pq"] = pq.map { .bytes($0) }
        map["recovery"] = recovery.map { .bytes($0) }
        map["previous"] = previous.map { .link($0) }
        return .map(map)
    }

    /// Its DAG-CBOR, without any signature.
    public var encoded: [UInt8] {
        get throws { try DAGCBOR.encode(value) }
    }

    /// SHA-256 of the identity's DAG-CBOR: what is signed, under `SignedBytes.identity`.
    public var hash: [UInt8] {
        get throws { Array(SHA256.hash(data: try encoded)) }
    }
}
