import Crypto
import CustodyProtocol
import DTABytes
import DTAFormats
import DTASystem

/// How a signature is written.
package enum SignatureFormat: Sendable {
    /// r ‖ s, each in full length; 64 bytes for Ed25519; RSA's as long as the modulus.
    case raw
    /// ECDSA-Sig-Value (RFC 3279); not for Ed25519 and RSA.
    case der
}

/// Uses users' keys. Each refusal comes before the HSM is needed.
extension KeyService {
    /// Signs a message, or a digest of it.
    /// - Parameter prehashed: `data` is a digest of exactly the length of the key's hash (ECDSA), or of the scheme's (RSA).
    /// - Parameter scheme: of RSA keys, which need one, and of no others.
    package func sign(
        _ caller: Caller, name: String, data: [UInt8], prehashed: Bool = false, format: SignatureFormat = .raw,
        scheme: RSAScheme? = nil
    ) throws -> KeyStep<[UInt8]> {
        let key = try authorized(caller, .sign, name)
        let algorithm = try key.algorithm(to: "sign")
        try key.check(algorithm, format)
        if let scheme = try key.check(algorithm, scheme) {
            let digest = try key.digest(scheme, data, prehashed: prehashed)
            let object = key.object
            return KeyStep(key) { try $0.ask(SignRSA(id: object, scheme: scheme, digest: digest)) }
        }
        let input = try key.input(algorithm, data, prehashed: prehashed)
        let object = key.object
        guard format == .der || algorithm == .secp256k1 else {
            return KeyStep(key) { try $0.ask(Sign(id: object, input: input)) }
        }
        return KeyStep(key) { custodian in
            let raw = try custodian.ask(Sign(id: object, input: input))
            do {
                let signature = try ECDSASignature(raw: raw, algorithm: algorithm)
                let final = algorithm == .secp256k1 ? signature.lowS : signature
                return format == .der ? final.der : final.raw
            } catch {
                throw DTAError(.internal, "the HSM answered something that is no signature: \(error)")
            }
        }
    }

    /// Whether a signature over a message or a digest is valid for a key; uses the public half, without the HSM.
    /// - Throws: `DTAError.invalidArgument` if the signature has an impossible length or form.
    package func verify(
        _ caller: Caller, name: String, data: [UInt8], prehashed: Bool = false, signature: [UInt8],
        format: SignatureFormat = .raw, scheme: RSAScheme? = nil
    ) throws -> Bool {
        let key = try authorized(caller, .public, name)
        let algorithm = try key.algorithm(to: "verify")
        try key.check(algorithm, format)
        let scheme = try key.check(algorithm, scheme)
        guard let publicKey = try key.publicHalf() else { return false }
        do {
            if let scheme {
                let digest = try key.digest(scheme, data, prehashed: prehashed)
                return try publicKey.isValid(signature: signature, digest: digest, scheme: scheme)
            }
            let raw = format == .der ? try ECDSASignature(der: signature, algorithm: algorithm).raw : signature
            let input = try key.input(algorithm, data, prehashed: prehashed)
            return algorithm == .ed25519
                ? try publicKey.isValid(signature: raw, message: input)
                : try publicKey.isValid(signature: raw, digest: input)
        } catch let error as FormatError {
            throw DTAError(.invalidArgument, "this cannot be a signature by key \(quoted(name)): \(error.reason)")
        }
    }

    /// HMAC-SHA256.
    package func mac(_ caller: Caller, name: String, data: [UInt8]) throws -> KeyStep<[UInt8]> {
        let key = try authorized(caller, .mac, name)
        try key.require(.hmacSHA256, to: "make MACs")
        try checkLength(data, "a message", limit: CustodyFrame.inputLimit)
        let object = key.object
        return KeyStep(key) { try $0.ask(MakeMAC(id: object, input: data)) }
    }

    /// AES-256-GCM: nonce (12) ‖ ciphertext ‖ tag (16).
    package func encrypt(_ caller: Caller, name: String, data: [UInt8], aad: [UInt8]) throws -> KeyStep<[UInt8]> {
        let key = try authorized(caller, .encrypt, name)
        try key.require(.aes256, to: "encrypt")
        try checkLength(data, "a plaintext", limit: CustodyFrame.inputLimit)
        try checkLength(aad, "additional data", limit: additionalDataLimit)
        let object = key.object
        return KeyStep(key) {
            try $0.ask(Encrypt(id: object, plaintext: SecretReference(copying: data), associatedData: aad))
        }
    }

    /// Opens what `encrypt` answered, or, with an RSA key, what was encrypted to it by RSAES-OAEP with SHA-256.
    /// - Parameter aad: what `encrypt` was given; OAEP's label.
    package func decrypt(
        _ caller: Caller, name: String, data: [UInt8], aad: [UInt8]
    ) throws -> KeyStep<SecretReference> {
        let key = try authorized(caller, .decrypt, name)
        try checkLength(aad, "additional data", limit: additionalDataLimit)
        let object = key.object
        if let length = key.type.algorithm?.modulusLength {
            guard data.count == length else {
                throw DTAError(
                    .invalidArgument,
                    "a ciphertext for a key of type \(key.type.name) has \(length) bytes, not \(data.count)")
            }
            return KeyStep(key) { try $0.ask(Decrypt(id: object, ciphertext: data, associatedData: aad)) }
        }
        try key.require(.aes256, to: "decrypt")
        guard data.count >= gcmOverhead else {
            throw DTAError(
                .invalidArgument, "a ciphertext has at least \(gcmOverhead) bytes (nonce and tag), not \(data.count)")
        }
        try checkLength(data, "a ciphertext", limit: CustodyFrame.inputLimit + gcmOverhead)
        return KeyStep(key) { try $0.ask(Decrypt(id: object, ciphertext: data, associatedData: aad)) }
    }

    /// The shared secret of an ECDH key and another's public key: the x coordinate, of 32 or 48 bytes.
    /// - Parameter peer: an uncompressed point.
    package func agree(_ caller: Caller, name: String, peer: [UInt8]) throws -> CustodyStep<SecretReference> {
        let key = try authorized(caller, .derive, name)
        guard key.type.isECDH, let algorithm = key.type.algorithm else { throw key.unable("agree on secrets") }
        // A point of another curve would tell the key bit by bit. dtad-hsm looks again.
        guard (try? PublicKey(algorithm, raw: peer)) != nil else {
            throw DTAError(
                .invalidArgument,
                "the other side's key must be an uncompressed point of the curve of key \(quoted(name)), which is of type "
                    + key.type.name)
        }
        let object = key.object
        return { try $0.ask(Agree(id: object, peer: peer)) }
    }

    /// Bytes from the HSM's generator.
    package func random(count: UInt32) throws -> CustodyStep<SecretReference> {
        guard 1...65_536 ~= count else {
            throw DTAError(.invalidArgument, "random bytes come 1 to 65,536 at a time, not \(count)")
        }
        return { try $0.ask(DrawRandom(count: Int(count))) }
    }
}

private let gcmOverhead = 12 + 16
private let additionalDataLimit = 64 << 10

private func checkLength(_ data: [UInt8], _ what: String, limit: Int) throws {
    guard data.count <= limit else {
        throw DTAError(.invalidArgument, "\(what) has at most \(limit) bytes here, not \(data.count)")
    }
}

extension KeyRecord {
    fileprivate func algorithm(to act: String) throws -> PublicKey.Algorithm {
        guard !type.isECDH, let algorithm = type.algorithm else { throw unable(act) }
        return algorithm
    }

    fileprivate func require(_ needed: KeyType, to act: String) throws {
        guard type == needed else { throw unable(act) }
    }

    fileprivate func unable(_ act: String) -> DTAError {
        let able: String =
            switch act {
            case "sign", "verify": "ed25519, p256, p384, secp256k1 and RSA keys do"
            case "make MACs": "hmac-sha256 keys do"
            case "decrypt": "aes256 and RSA keys do"
            case "agree on secrets": "p256-ecdh and p384-ecdh keys do"
            default: "aes256 keys do"
            }
        if type.isRSA, act == "encrypt" {
            return DTAError(
                .invalidArgument,
                "key \(quoted(name)) is of type \(type.name): all can encrypt to it by its public half",
                hint: "use RSA-OAEP with SHA-256, and MGF1 with SHA-256")
        }
        return DTAError(
            .invalidArgument, "key \(quoted(name)) is of type \(type.name), which cannot \(act): \(able)")
    }

    fileprivate func check(_ algorithm: PublicKey.Algorithm, _ format: SignatureFormat) throws {
        guard format == .raw || algorithm.digestLength != nil else {
            throw DTAError(
                .invalidArgument, "key \(quoted(name)) is of type \(type.name), whose signatures have no DER form",
                hint: "ask for the format raw")
        }
    }

    /// - Returns: the scheme of an RSA key; nil for another.
    @inline(__always)
    fileprivate func check(_ algorithm: PublicKey.Algorithm, _ scheme: RSAScheme?) throws -> RSAScheme? {
        guard algorithm.isRSA != (scheme != nil) else { return scheme }
        let known = RSAScheme.allCases.map(\.name).joined(separator: ", ")
        throw algorithm.isRSA
            ? DTAError(
                .invalidArgument, "key \(quoted(name)) is of type \(type.name), which signs by a scheme: none is named",
                hint: "schemes: \(known)")
            : DTAError(
                .invalidArgument,
                "key \(quoted(name)) is of type \(type.name), which has no signature schemes: RSA keys do",
                hint: "name no scheme")
    }

    /// What an RSA key signs.
    fileprivate func digest(_ scheme: RSAScheme, _ data: [UInt8], prehashed: Bool) throws -> [UInt8] {
        guard prehashed else { return scheme.digest(of: data) }
        guard data.count == scheme.digestLength else {
            throw DTAError(
                .invalidArgument, "\(scheme) signs digests of \(scheme.digestLength) bytes, not of \(data.count)")
        }
        return data
    }

    /// What the token signs: the message (Ed25519) or the digest.
    @inline(__always)
    fileprivate func input(_ algorithm: PublicKey.Algorithm, _ data: [UInt8], prehashed: Bool) throws -> [UInt8] {
        guard let digestLength = algorithm.digestLength else {
            guard !prehashed else {
                throw DTAError(
                    .invalidArgument, "key \(quoted(name)) is of type ed25519, which signs messages, not digests",
                    hint: "give the whole message")
            }
            try checkLength(data, "a message for an ed25519 key", limit: CustodyFrame.inputLimit)
            return data
        }
        guard prehashed else { return PublicKey.input(for: data, algorithm: algorithm) }
        guard data.count == digestLength else {
            throw DTAError(
                .invalidArgument,
                "key \(quoted(name)) is of type \(type.name), which signs digests of \(digestLength) bytes, not of "
                    + "\(data.count)")
        }
        return data
    }
}
