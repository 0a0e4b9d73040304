import Crypto
import Foundation
import TestSupport

@testable import DTAFormats

// The shapes of `docs/vectors/*.json`. All bytes are hexadecimal; CIDs are written as people write them.

/// Somebody's private keys, which only a test vector may show, and the document that stands for him.
struct PersonVector: Codable {
    var name: String
    var created: Int64
    var signingSeed: String
    var mlkemSeed: String
    var x25519Private: String
    var kem: String
    var block: String
    var cid: String

    init(_ person: Person, signingSeed: [UInt8]) {
        name = person.document.identity.name
        created = person.document.identity.created
        self.signingSeed = hex(signingSeed)
        mlkemSeed = hex(person.mlkemSeed)
        x25519Private = hex(person.x25519.rawRepresentation)
        kem = hex(person.kem)
        block = hex(person.document.block)
        cid = person.cid.description
    }

    /// Made again from the private keys alone.
    func person() throws -> Person {
        try Person(
            name, signing: .ed25519(.init(rawRepresentation: bytes(signingSeed))), mlkemSeed: bytes(mlkemSeed),
            x25519: .init(rawRepresentation: bytes(x25519Private)), created: created)
    }
}

struct IdentityVector: Codable {
    var about: String
    var person: PersonVector
    /// The field `signing`: multicodec prefix and key.
    var signing: String
    /// DAG-CBOR(Identity), its SHA-256, what is signed, and the signature.
    var identity: String
    var hash: String
    var signedBytes: String
    var signature: String
}

struct WrapVector: Codable {
    var to: String
    var enc: String
    var key: String
    /// HPKE's info.
    var info: String
    /// The halves of the X-Wing shared secret, and the secret itself.
    var ssM: String
    var ssX: String
    var sharedSecret: String
    /// What the wrap holds.
    var contentKey: String
}

struct EnvelopeVector: Codable {
    var about: String
    var sender: PersonVector
    var recipients: [PersonVector]
    var plaintext: String
    /// The key that the envelope commits to.
    var contentKey: String
    var salt: String
    var core: String
    var coreHash: String
    var wraps: [WrapVector]
    var bodyKey: String
    var commit: String
    var body: String
    /// DAG-CBOR(Envelope), its SHA-256, what is signed, and the signature.
    var envelope: String
    var innerHash: String
    var signedBytes: String
    var signature: String
    var block: String
    var cid: String
    /// The recipients that cannot open it, and why: `commit`.
    var refused: [String: String]
}

enum VectorFile: String, CaseIterable {
    case identity = "identity"
    case twoRecipients = "envelope-two-recipients"
    case otherKey = "envelope-second-wrap-other-key"
    case line = "line"
    case partsPublic = "parts-public"
    case partsReply = "parts-reply"
    case partsPublicChunks = "parts-public-chunks"
    case partsChunks = "parts-chunks"
    case partsRecipients = "parts-recipients"
    case order = "order"

    private var url: URL {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../../docs/vectors/\(rawValue).json")
    }

    func read<Vector: Decodable>(_ type: Vector.Type) throws -> Vector {
        try JSONDecoder().decode(type, from: Data(contentsOf: url))
    }

    func write(_ vector: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try (encoder.encode(vector) + Data("\n".utf8)).write(to: url)
    }
}
