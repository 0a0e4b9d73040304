import Foundation
import Testing

/// `docs/vectors/dag-cbor-refused.json`: what no reader of DAG-CBOR may accept, and by which rule.
struct RefusedVector: Codable, Sendable, CustomTestStringConvertible {
    /// Why another implementation accepts it and may.
    struct Elsewhere: Codable, Sendable {
        /// `foreign` or `deep`, as `Tests/interop/dagcbor_judge.py` has them.
        var flag: String
        var why: String
    }

    var rule: String
    var what: String
    /// In hexadecimal.
    var bytes: String
    var acceptedElsewhere: Elsewhere?

    var testDescription: String { "\(rule): \(what)" }
}

enum RefusedVectors {
    private struct File: Codable {
        var about: String
        var rules: [String: String]
        var refused: [RefusedVector]
    }

    private static let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../../../docs/vectors/dag-cbor-refused.json")

    static func read() throws -> [RefusedVector] {
        try JSONDecoder().decode(File.self, from: Data(contentsOf: url)).refused
    }

    /// The rules by their names, each a sentence.
    static func rules() throws -> [String: String] {
        try JSONDecoder().decode(File.self, from: Data(contentsOf: url)).rules
    }
}
