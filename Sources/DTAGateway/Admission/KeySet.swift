import DTAJSON
import JWTKit

/// An issuer's public keys (RFC 7517). Each is bound to one algorithm by its own type: what a token says of its algorithm
/// can only fit or not.
struct KeySet: Sendable {
    struct Key: Sendable {
        let id: String?
        let algorithm: TokenAlgorithm
        fileprivate let verifier: any JWTAlgorithm

        func verifies(_ signature: [UInt8], of bytes: [UInt8]) -> Bool {
            // A signature of another length is an error there, and no signature here.
            (try? verifier.verify(signature, signs: bytes)) ?? false
        }
    }

    struct Malformed: Error {
        let reason: String
    }

    /// The most keys that are read.
    static let limit = 100

    let keys: [Key]

    /// Reads a JWK set. Keys of other kinds, for encryption, or shorter than 2,048 bits of RSA are passed over, as RFC 7517 §5 asks.
    /// - Throws: `Malformed` where it is no set of keys, or none of them can be used.
    init(_ bytes: [UInt8]) async throws {
        let value: JSONValue
        do {
            value = try JSONReader.read(bytes)
        } catch {
            throw Malformed(reason: "it is no JSON: \(error.reason)")
        }
        guard let items = value["keys"]?.array else { throw Malformed(reason: "it has no list \"keys\"") }
        guard items.count <= KeySet.limit else { throw Malformed(reason: "it has more than \(KeySet.limit) keys") }
        var keys: [Key] = []
        for item in items {
            guard let key = await KeySet.key(item) else { continue }
            // One name for two keys would leave it to chance which of them counts.
            guard key.id == nil || !keys.contains(where: { $0.id == key.id && $0.algorithm == key.algorithm }) else {
                throw Malformed(reason: "two keys have the same kid")
            }
            keys.append(key)
        }
        guard !keys.isEmpty else { throw Malformed(reason: "it has no key for RS256, ES256 or EdDSA") }
        self.keys = keys
    }

    /// The one key that a token may be verified with. A token without `kid` finds it only where there is one.
    func key(id: String?, algorithm: TokenAlgorithm) -> Key? {
        let fitting = keys.filter { $0.algorithm == algorithm && (id == nil || $0.id == id) }
        return fitting.count == 1 ? fitting[0] : nil
    }

    private static func key(_ item: JSONValue) async -> Key? {
        if let use = item["use"], use.string != "sig" { return nil }
        if let operations = item["key_ops"]?.array, !operations.contains("verify") { return nil }
        guard let (algorithm, verifier) = await verifier(item) else { return nil }
        if let named = item["alg"], named.string != algorithm.rawValue { return nil }
        if let id = item["kid"], id.string == nil { return nil }
        return Key(id: item["kid"]?.string, algorithm: algorithm, verifier: verifier)
    }

    private static func verifier(_ item: JSONValue) async -> (TokenAlgorithm, any JWTAlgorithm)? {
        func bytes(_ name: String) -> [UInt8]? { item[name]?.string.flatMap(Base64URL.decode) }
        // A collection of one key: jwt-kit gives verifiers out only so.
        let collection = JWTKeyCollection()
        switch (item["kty"]?.string, item["crv"]?.string) {
        case ("RSA", nil):
            guard let n = item["n"]?.string, let e = item["e"]?.string, let modulus = bytes("n"), bytes("e") != nil,
                (2048...8192).contains(bits(modulus)),
                let key = try? Insecure.RSA.PublicKey(modulus: n, exponent: e)
            else { return nil }
            await collection.add(rsa: key, digestAlgorithm: .sha256)
            return (try? await collection.getKey()).map { (.rs256, $0) }
        case ("EC", "P-256"):
            guard let x = item["x"]?.string, let y = item["y"]?.string, bytes("x")?.count == 32,
                bytes("y")?.count == 32, let key = try? ES256PublicKey(parameters: (x: base64(x), y: base64(y)))
            else { return nil }
            await collection.add(ecdsa: key)
            return (try? await collection.getKey()).map { (.es256, $0) }
        case ("OKP", "Ed25519"):
            guard let x = item["x"]?.string, bytes("x")?.count == 32,
                let key = try? EdDSA.PublicKey(x: x, curve: .ed25519)
            else { return nil }
            await collection.add(eddsa: key)
            return (try? await collection.getKey()).map { (.edDSA, $0) }
        default: return nil
        }
    }

    private static func bits(_ modulus: [UInt8]) -> Int {
        guard let first = modulus.firstIndex(where: { $0 != 0 }) else { return 0 }
        return (modulus.count - first) * 8 - modulus[first].leadingZeroBitCount
    }

    private static func base64(_ text: String) -> String { text }
}
