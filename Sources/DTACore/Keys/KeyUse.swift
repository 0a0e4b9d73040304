import Crypto
import CustodyProtocol
import DTABytes
import DTAFormats
import DTASystem

/// How a signature is written.
package enum SignatureFormat: Sendable {
    /// r ‖ s, each in full length; 64 bytes for Ed25519.
    case raw
    /// ECDSA-Sig-Value (RFC 3279); not for Ed25519.
    case der
}

/// Uses users' keys. Each refusal comes before the HSM is needed.
extension KeyService {
    /// Signs a message, or a digest of it.
    /// - Parameter prehashed: `data` is a digest of exactly the key's hash length (ECDSA only).
    package func sign(
        _ caller: Caller, name: String, data: [UInt8], prehashed: Bool = false, format: SignatureFormat = .raw
    ) throws -> CustodyStep<[UInt8]> {
        let key = try authorized(caller, .sign, name)
        let algorithm = try key.algorithm(to: "sign")
        try key.check(algorithm, format)
        let input = try key.input(algorithm, data, prehashed: prehashed)
        let object = key.object
        guard format == .der || algorithm == .secp256k1 else { return { try $0.ask(Sign(id: object, input: input)) } }
        return { custodian in
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
        format: SignatureFormat = .raw
    ) throws -> Bool {
        let key = try authorized(caller, .public, name)
        let algorithm = try key.algorithm(to: "verify")
        try key.check(algorithm, format)
        guard let publicKey = try key.publicHalf() else { return false }
        do {
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
    package func mac(_ caller: Caller, name: String, data: [UInt8]) throws -> CustodyStep<[UInt8]> {
        let key = try authorized(caller, .mac, name)
        try key.require(.hmacSHA256, to: "make MACs")
        try checkLength(data, "a message", limit: CustodyFrame.inputLimit)
        let object = key.object
        return { try $0.ask(MakeMAC(id: object, input: data)) }
    }

    /// AES-256-GCM: nonce (12) ‖ ciphertext ‖ tag (16).
    package func encrypt(_ caller: Caller, name: String, data: [UInt8], aad: [UInt8]) throws -> CustodyStep<[UInt8]> {
        let key = try authorized(caller, .encrypt, name)
        try key.require(.aes256, to: "encrypt")
        try checkLength(data, "a plaintext", limit: CustodyFrame.inputLimit)
        try checkLength(aad, "additional data", limit: additionalDataLimit)
        let object = key.object
        return { try $0.ask(Encrypt(id: object, plaintext: SecretReference(copying: data), associatedData: aad)) }
    }

    /// Opens what `encrypt` answered.
    package func decrypt(
        _ caller: Caller, name: String, data: [UInt8], aad: [UInt8]
    ) throws -> CustodyStep<SecretReference> {
        let key = try authorized(caller, .decrypt, name)
        try key.require(.aes256, to: "decrypt")
        guard data.count >= gcmOverhead else {
            throw DTAError(
                .invalidArgument, "a ciphertext has at least \(gcmOverhead) bytes (nonce and tag), not \(data.count)")
        }
        try checkLength(data, "a ciphertext", limit: CustodyFrame.inputLimit + gcmOverhead)
        try checkLength(aad, "additional data", limit: additionalDataLimit)
        let object = key.object
        return { try $0.ask(Decrypt(id: object, ciphertext: data, associatedData: aad)) }
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
        guard let algorithm = type.algorithm else { throw unable(act) }
        return algorithm
    }

    fileprivate func require(_ needed: KeyType, to act: String) throws {
        guard type == needed else { throw unable(act) }
    }

    private func unable(_ act: String) -> DTAError {
        let able: String =
            switch act {
            case "sign", "verify": "ed25519, p256, p384 and secp256k1 keys do"
            case "make MACs": "hmac-sha256 keys do"
            default: "aes256 keys do"
            }
        return DTAError(
            .invalidArgument, "key \(quoted(name)) is of type \(type.name), which cannot \(act): \(able)")
    }

    fileprivate func check(_ algorithm: PublicKey.Algorithm, _ format: SignatureFormat) throws {
        guard format == .raw || algorithm != .ed25519 else {
            throw DTAError(
                .invalidArgument, "key \(quoted(name)) is of type ed25519, whose signatures have no DER form",
                hint: "ask for the format raw")
        }
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
