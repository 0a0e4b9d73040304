import DTABytes
import DTAFormats

/// JSON Web Keys (RFC 7517). A key is one flat object; the reader keeps the places of its strings, and copies none of
/// them. Members that no key needs are skipped if they are strings, words or lists of strings.
enum JSONWebKeyReader {
    /// - Parameter wanted: says what an `oct` key is for, if the key itself does not (`alg`).
    /// - Returns: nil if it is not JSON at all, so that it may be bare bytes.
    static func read(_ text: borrowing Secret, _ wanted: TransportedKey.Kind?) throws -> TransportedKey? {
        let members: [String: Range<Int>] = try text.withBytes { try JSONWebKeyReader.members($0) }
        func word(_ name: String) -> String? {
            guard let place = members[name], place.count <= 64 else { return nil }
            return text.withBytes { bytes in String(decoding: place.map { bytes[$0] }, as: UTF8.self) }
        }
        func value(_ name: String) throws -> Secret {
            guard let place = members[name] else {
                throw FormatError(.malformed, "the JSON Web Key has no member \(name): it is no private key")
            }
            var bytes = text.withBytes { bytes in Base64.decode(url: bytes.extracting(place)) } ?? []
            guard !bytes.isEmpty else { throw FormatError(.malformed, "\(name) of the JSON Web Key is not base64url") }
            return Secret(taking: &bytes)
        }
        switch word("kty") {
        case "OKP":
            guard word("crv") == "Ed25519" else { throw unknown(word("crv")) }
            return try TransportedKey(.ed25519, value("d"))
        case "EC":
            let kinds: [String: TransportedKey.Kind] = ["P-256": .p256, "P-384": .p384, "secp256k1": .secp256k1]
            guard let kind = word("crv").flatMap({ kinds[$0] }) else { throw unknown(word("crv")) }
            return try TransportedKey(kind, value("d"))
        case "RSA":
            guard members["oth"] == nil else { throw FormatError(.unsupported, "an RSA key has two primes here") }
            return try rsa(value("n"), value("e"), value("d"), value("p"), value("q"))
        case "oct":
            let kinds: [String: TransportedKey.Kind] = ["HS256": .hmacSHA256, "A256GCM": .aes256]
            guard let kind = word("alg").flatMap({ kinds[$0] }) ?? wanted else {
                throw FormatError(.unsupported, "the JSON Web Key does not say what it is for: name its type")
            }
            return try TransportedKey(kind, value("k"))
        default: throw unknown(word("kty"))
        }
    }

    private static func rsa(
        _ n: consuming Secret, _ e: consuming Secret, _ d: consuming Secret, _ p: consuming Secret,
        _ q: consuming Secret
    ) throws -> TransportedKey {
        let counts = [n.count, e.count, d.count, p.count, q.count]
        var places: [Range<Int>] = []
        var end = 0
        for count in counts {
            places.append(end..<end + count)
            end += count
        }
        let parts = [
            SecretReference(n), SecretReference(e), SecretReference(d), SecretReference(p), SecretReference(q),
        ]
        let all = unsafe Secret(count: end) { room in
            for (part, place) in zip(parts, places) {
                unsafe part.withUnsafeBytes {
                    unsafe UnsafeMutableRawBufferPointer(rebasing: room[place]).copyMemory(from: $0)
                }
            }
        }
        // Zeros before a number are no part of it.
        let digits = all.withBytes { bytes in
            places.map { place in
                (place.first { bytes[$0] != 0 } ?? place.upperBound)..<place.upperBound
            }
        }
        return try ASN1Key.rsa(
            all, modulus: digits[0], exponent: digits[1], private: digits[2], primes: (digits[3], digits[4]))
    }

    private static func unknown(_ name: String?) -> FormatError {
        let isHarmless = name?.utf8.allSatisfy { (0x21...0x7e).contains($0) } ?? false
        return FormatError(
            .unsupported, "the JSON Web Key is of the type \(isHarmless ? name ?? "" : "?"), which has no place here")
    }

    /// Where the strings are that are members of the one object.
    private static func members(_ bytes: Span<UInt8>) throws -> [String: Range<Int>] {
        var scanner = FlatJSON()
        var members: [String: Range<Int>] = [:]
        var names: Set<String> = []
        try scanner.expect("{", bytes)
        if scanner.takes("}", bytes) { return [:] }
        repeat {
            let place = try scanner.string(bytes)
            guard place.count <= 64, names.count < 64 else { throw FlatJSON.malformed }
            let name = String(decoding: place.map { bytes[$0] }, as: UTF8.self)
            guard names.insert(name).inserted else {
                throw FormatError(.malformed, "the JSON Web Key has a member twice")
            }
            try scanner.expect(":", bytes)
            if let value = try scanner.value(bytes) { members[name] = value }
        } while scanner.takes(",", bytes)
        try scanner.expect("}", bytes)
        try scanner.end(bytes)
        return members
    }
}

/// Reads JSON that is no deeper than a list of strings. There are no escapes: no member of a key needs one.
private struct FlatJSON {
    private var at = 0

    static let malformed = FormatError(.malformed, "it is no JSON Web Key: it is not one flat object of JSON")

    private mutating func skipBlanks(_ bytes: Span<UInt8>) {
        while at < bytes.count, KeyFile.isBlank(bytes[at]) { at += 1 }
    }

    mutating func takes(_ sign: Character, _ bytes: Span<UInt8>) -> Bool {
        skipBlanks(bytes)
        guard at < bytes.count, bytes[at] == sign.asciiValue else { return false }
        at += 1
        return true
    }

    mutating func expect(_ sign: Character, _ bytes: Span<UInt8>) throws {
        guard takes(sign, bytes) else { throw FlatJSON.malformed }
    }

    /// The place of a string's letters.
    mutating func string(_ bytes: Span<UInt8>) throws -> Range<Int> {
        try expect("\"", bytes)
        let start = at
        while at < bytes.count, bytes[at] != UInt8(ascii: "\"") {
            guard bytes[at] >= 0x20, bytes[at] != UInt8(ascii: "\\") else { throw FlatJSON.malformed }
            at += 1
        }
        guard at < bytes.count else { throw FlatJSON.malformed }
        at += 1
        return start..<at - 1
    }

    /// A value; nil if it is no string.
    mutating func value(_ bytes: Span<UInt8>) throws -> Range<Int>? {
        skipBlanks(bytes)
        guard at < bytes.count else { throw FlatJSON.malformed }
        if bytes[at] == UInt8(ascii: "\"") { return try string(bytes) }
        if takes("[", bytes) {
            if takes("]", bytes) { return nil }
            repeat { _ = try string(bytes) } while takes(",", bytes)
            try expect("]", bytes)
            return nil
        }
        // true, false, null, or a number.
        let start = at
        while at < bytes.count, bytes[at] != UInt8(ascii: ","), bytes[at] != UInt8(ascii: "}"),
            !KeyFile.isBlank(bytes[at])
        {
            guard (0x2b...0x7a).contains(bytes[at]) else { throw FlatJSON.malformed }
            at += 1
        }
        guard (1...32).contains(at - start) else { throw FlatJSON.malformed }
        return nil
    }

    mutating func end(_ bytes: Span<UInt8>) throws {
        skipBlanks(bytes)
        guard at == bytes.count else { throw FlatJSON.malformed }
    }
}
