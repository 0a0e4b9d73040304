import Foundation

/// `Tests/vectors/published`: what others published for anybody to test with. Each file names its source.
enum PublishedVectors {
    struct BIP340: Codable, Sendable {
        var index: Int
        /// Empty where the vector is for verification alone.
        var secret: String
        var x: String
        var auxiliary: String
        var message: String
        var signature: String
        var valid: Bool
    }

    struct Taproot: Codable, Sendable {
        var `internal`: String
        /// Of the tree of scripts; empty where there is none.
        var root: String
        var output: String
        var address: String
    }

    struct BIP84: Codable, Sendable {
        var wif: String
        var publicKey: String
        var p2wpkh: String
    }

    struct Bech32: Codable, Sendable {
        struct Program: Codable, Sendable {
            var address: String
            var script: String
        }

        var bech32: [String]
        var bech32m: [String]
        var refusedBech32: [String]
        var refusedBech32m: [String]
        var segwit: [Program]
        var refusedSegwit: [String]
        /// What BIP-173 allowed for later versions, and BIP-350 took back.
        var refusedSince350: [String]
    }

    struct HPKE: Codable, Sendable {
        struct Vector: Codable, Sendable {
            var info: String?
            var ikmE: String
            var skEm: String
            var pkEm: String
            var ikmR: String
            var skRm: String
            var pkRm: String
            var sharedSecret: String
            var key: String?
            var baseNonce: String?
            var exporterSecret: String?
        }

        /// For HKDF-SHA256 and AES-256-GCM.
        var vectors: [Vector]
        /// Of other suites: the KEM's part.
        var kem: [Vector]
    }

    private struct List<Vector: Codable>: Codable { var vectors: [Vector] }

    static func bip340() throws -> [BIP340] { try read("bip-340", as: List<BIP340>.self).vectors }
    static func taproot() throws -> [Taproot] { try read("taproot", as: List<Taproot>.self).vectors }
    static func bip84() throws -> [BIP84] { try read("bip-84", as: List<BIP84>.self).vectors }
    static func bech32() throws -> Bech32 { try read("bech32", as: Bech32.self) }
    static func hpke() throws -> HPKE { try read("hpke-secp256k1", as: HPKE.self) }

    private static func read<Value: Decodable>(_ name: String, as type: Value.Type) throws -> Value {
        let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../vectors/published/\(name).json")
        return try JSONDecoder().decode(type, from: Data(contentsOf: url))
    }
}
