import CryptoExtras
import DTABytes
import DTAFormats
import DTAJSON
import DTASystem

/// An issuer's public keys (RFC 7517). Each is bound to one algorithm by its own type, which a token's `alg` must fit.
/// A key that cannot be used is ignored, so that the others still work.
struct KeySet: Sendable {
    struct Key: Sendable {
        let id: String?
        let algorithm: TokenAlgorithm
        fileprivate let verifier: Verifier

        func verifies(_ signature: [UInt8], of bytes: [UInt8]) -> Bool { verifier.verifies(signature, of: bytes) }

        /// Compared by code points, without normalization (RFC 7515 §10.13).
        func isNamed(_ name: String?) -> Bool {
            guard let id, let name else { return id == nil && name == nil }
            return id.hasSameBytes(as: name)
        }
    }

    struct Malformed: Error {
        let reason: String
    }

    /// A key that is not used, and the reason.
    struct Skipped: Sendable, Equatable {
        /// Its place in the list, from 0.
        let place: Int
        let reason: String
    }

    /// The most keys that are used: the first usable ones.
    static let limit = 100
    /// The most keys of one name, and for a token without a name: so the most signatures that are verified for a token.
    static let limitPerName = 4

    let keys: [Key]
    let skipped: [Skipped]

    /// Reads a JWK set. Keys of other kinds, for encryption, or weak ones are ignored, as RFC 7517 §5 asks.
    /// - Throws: `Malformed` if it is no set of keys, or none of them can be used.
    init(_ bytes: [UInt8]) throws {
        let value: JSONValue
        do {
            // A repeated member spoils one key (RFC 7517 §4), and not the set.
            value = try JSONReader.read(bytes, keepsDuplicates: true)
        } catch {
            throw Malformed(reason: "it is no JSON: \(error.reason)")
        }
        guard !KeySet.hasDuplicates(value), let items = value["keys"]?.array else {
            throw Malformed(reason: "it has no list \"keys\"")
        }
        var keys: [Key] = []
        var skipped: [Skipped] = []
        for (place, item) in items.enumerated() {
            do throws(Refusal) {
                let key = try KeySet.key(item)
                try KeySet.validate(key, beside: keys)
                keys.append(key)
            } catch {
                skipped.append(Skipped(place: place, reason: error.reason))
            }
        }
        guard !keys.isEmpty else {
            let reasons = skipped.prefix(3).map { "key \($0.place) \($0.reason)" }.joined(separator: "; ")
            throw Malformed(
                reason: "it has no key for RS256, ES256 or EdDSA" + (reasons.isEmpty ? "" : ": \(reasons)"))
        }
        self.keys = keys
        self.skipped = skipped
    }

    /// The keys to verify a token with: those of its name, which may be several while an issuer changes keys. `kid` is
    /// optional (RFC 7515 §4.1.4, RFC 7517 §4.5): a token without it is tried with the first keys of its algorithm,
    /// each once even if it is listed under two names.
    func candidates(id: String?, algorithm: TokenAlgorithm) -> [Key] {
        let fitting = keys.filter { $0.algorithm == algorithm && (id == nil || $0.isNamed(id)) }
        guard id == nil else { return fitting }
        var seen: Set<[UInt8]> = []
        return Array(fitting.filter { seen.insert($0.verifier.material).inserted }.prefix(KeySet.limitPerName))
    }

    // MARK: One key

    private struct Refusal: Error {
        let reason: String

        init(_ reason: String) { self.reason = reason }
    }

    private static func validate(_ key: Key, beside keys: [Key]) throws(Refusal) {
        guard keys.count < limit else { throw Refusal("comes after \(limit) others") }
        guard !keys.contains(where: { $0.isNamed(key.id) && $0.verifier.material == key.verifier.material }) else {
            throw Refusal("is there already")
        }
        guard key.id == nil || keys.filter({ $0.isNamed(key.id) && $0.algorithm == key.algorithm }).count < limitPerName
        else { throw Refusal("comes after \(limitPerName) others with the same kid") }
    }

    private static func hasDuplicates(_ value: JSONValue) -> Bool {
        guard case .object(let members) = value else { return false }
        return Set(members.map(\.name)).count < members.count
    }

    private static func key(_ item: JSONValue) throws(Refusal) -> Key {
        guard case .object = item else { throw Refusal("is no object") }
        guard !hasDuplicates(item) else { throw Refusal("has a member twice") }
        if let use = item["use"], use.string != "sig" { throw Refusal("is not for signatures: \"use\"") }
        if let operations = item["key_ops"] { try validate(operations: operations) }
        if let id = item["kid"] { try validate(name: id.string) }
        let (algorithm, verifier) = try verifier(item)
        if let named = item["alg"], named.string.flatMap(TokenAlgorithm.init(named:)) != algorithm {
            throw Refusal("is for another algorithm than \(algorithm.rawValue): \"alg\"")
        }
        return Key(id: item["kid"]?.string, algorithm: algorithm, verifier: verifier)
    }

    private static func validate(name: String?) throws(Refusal) {
        guard let name else { throw Refusal("has a kid that is no text") }
        // base64url makes four letters of three bytes.
        guard name.utf8.count < TokenVerifier.limit / 4 * 3 else {
            throw Refusal("has a kid that no token can name: it is longer than tokens may be")
        }
    }

    /// RFC 7517 §4.3: a list of texts, none of them twice.
    private static func validate(operations: JSONValue) throws(Refusal) {
        let names = operations.array?.compactMap(\.string) ?? []
        guard let list = operations.array, names.count == list.count, Set(names).count == names.count else {
            throw Refusal("has \"key_ops\" that are no list of different texts")
        }
        guard names.contains("verify") else { throw Refusal("is not to verify with: \"key_ops\"") }
    }

    private static func verifier(_ item: JSONValue) throws(Refusal) -> (TokenAlgorithm, Verifier) {
        func bytes(_ name: String) throws(Refusal) -> [UInt8] {
            guard let decoded = item[name]?.string.flatMap({ Base64.decode($0, .url) }) else {
                throw Refusal("has no \"\(name)\" in base64url")
            }
            return decoded
        }
        switch (item["kty"]?.string, item["crv"]?.string) {
        case ("RSA", nil): return (.rs256, try rsa(modulus: bytes("n"), exponent: bytes("e")))
        case ("EC", "P-256"):
            let (x, y) = (try bytes("x"), try bytes("y"))
            guard x.count == 32, y.count == 32 else { throw Refusal("has coordinates that are not of 32 bytes") }
            return (.es256, try point(.p256, [4] + x + y))
        case ("OKP", "Ed25519"): return (.edDSA, try point(.ed25519, bytes("x")))
        default: throw Refusal("is of a type that serves none of RS256, ES256 and EdDSA")
        }
    }

    private static func isOdd(_ number: ArraySlice<UInt8>) -> Bool { (number.last ?? 0) & 1 == 1 }

    /// A point as everywhere in D-TA: on its curve, in its one encoding, not of small order.
    private static func point(_ algorithm: PublicKey.Algorithm, _ raw: [UInt8]) throws(Refusal) -> Verifier {
        do {
            return .point(try PublicKey(algorithm, raw: raw))
        } catch {
            throw Refusal("is \((error as? FormatError)?.reason ?? "no point of its curve")")
        }
    }

    private static let modulusBits = 2048...8192

    private static func rsa(modulus: [UInt8], exponent: [UInt8]) throws(Refusal) -> Verifier {
        let (n, e) = (modulus.drop { $0 == 0 }, exponent.drop { $0 == 0 })
        let bits = n.count * 8 - (n.first?.leadingZeroBitCount ?? 0)
        guard modulusBits.contains(bits) else {
            throw Refusal("has \(bits) bits, and RSA keys need \(modulusBits.lowerBound) to \(modulusBits.upperBound)")
        }
        // An even exponent has no inverse, and an even modulus is no product of two odd primes; with exponent 1 every
        // text is its own signature.
        guard isOdd(n), isOdd(e), e.count <= 4, !e.elementsEqual([1]) else {
            throw Refusal("has a modulus that is even, or an exponent that is even, 1, or longer than 4 bytes")
        }
        guard let key = try? _RSA.Signing.PublicKey(n: n, e: e) else { throw Refusal("is no RSA key") }
        return .rsa(key, material: [UInt8(e.count)] + Array(e) + Array(n))
    }
}

/// The verifier of a signature.
private enum Verifier: Sendable {
    case point(PublicKey)
    case rsa(_RSA.Signing.PublicKey, material: [UInt8])

    /// The key's identity, to compare it with others.
    var material: [UInt8] {
        switch self {
        case .point(let key): Array(key.algorithm.rawValue.utf8) + key.raw
        case .rsa(_, let material): material
        }
    }

    func verifies(_ signature: [UInt8], of bytes: [UInt8]) -> Bool {
        // A signature of another length is an error in the library, and invalid here.
        switch self {
        case .point(let key): (try? key.isValid(signature: signature, message: bytes)) ?? false
        case .rsa(let key, _):
            // RS256: RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518 section 3.3).
            key.isValidSignature(.init(rawRepresentation: signature), for: bytes, padding: .insecurePKCS1v1_5)
        }
    }
}
