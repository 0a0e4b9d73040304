import Crypto
import CryptoExtras
import DTABytes

/// A signature as SSH carries it: the name of its algorithm, and a blob in that algorithm's form.
public struct SSHSignature: Sendable, Equatable {
    public let name: String
    public let blob: [UInt8]

    static let limit = 4096

    /// Reads a signature.
    public init(_ bytes: some Sequence<UInt8>) throws(SSHFormatError) {
        var reader = SSHReader(Array(bytes))
        name = try reader.text(atMost: 64)
        blob = Array(try reader.string(atMost: SSHSignature.limit))
        try reader.finish()
    }

    /// A signature that a key made.
    /// - Parameters:
    ///   - raw: 64 bytes (Ed25519), r ‖ s in full length (ECDSA), or a PKCS#1 signature (RSA).
    ///   - name: one of the key's `signatureNames`.
    /// - Throws: if `raw` has another length than the key's signatures.
    public init(raw: [UInt8], by key: SSHPublicKey, name: String) throws(SSHFormatError) {
        self.name = name
        switch key {
        case .ed25519:
            guard raw.count == 64 else { throw SSHFormatError("an Ed25519 signature has 64 bytes, not \(raw.count)") }
            blob = raw
        case .ecdsa(let curve, _):
            guard raw.count == 2 * curve.size else {
                throw SSHFormatError("a signature with \(curve.rawValue) has \(2 * curve.size) bytes, not \(raw.count)")
            }
            var writer = SSHWriter()
            writer.number(raw.prefix(curve.size))
            writer.number(raw.suffix(curve.size))
            blob = writer.bytes
        case .rsa(_, let modulus):
            guard raw.count == modulus.count else {
                throw SSHFormatError("a signature of this RSA key has \(modulus.count) bytes, not \(raw.count)")
            }
            blob = raw
        }
    }

    public var encoded: [UInt8] {
        var writer = SSHWriter()
        writer.string(name)
        writer.string(blob)
        return writer.bytes
    }

    /// Whether `key` signed `message`. Anything that cannot be a signature by this key is none.
    public func isValid(for message: [UInt8], by key: SSHPublicKey) -> Bool {
        guard key.signatureNames.contains(name) else { return false }
        switch key {
        case .ed25519(let bytes):
            guard blob.count == 64, let key = try? Curve25519.Signing.PublicKey(rawRepresentation: bytes) else {
                return false
            }
            return key.isValidSignature(blob, for: message)
        case .ecdsa(let curve, let point):
            guard let raw = try? raw(curve) else { return false }
            return SSHSignature.isValid(raw, message, curve, point)
        case .rsa(let exponent, let modulus):
            guard let key = try? _RSA.Signing.PublicKey(n: modulus, e: exponent) else { return false }
            // RFC 8332 §3: the signature is as long as the modulus; OpenSSH accepts one with zeros left out, too.
            let padded = [UInt8](repeating: 0, count: max(0, modulus.count - blob.count)) + blob
            let signature = _RSA.Signing.RSASignature(rawRepresentation: padded)
            return name == "rsa-sha2-256"
                ? key.isValidSignature(signature, for: SHA256.hash(data: message), padding: .insecurePKCS1v1_5)
                : key.isValidSignature(signature, for: SHA512.hash(data: message), padding: .insecurePKCS1v1_5)
        }
    }

    /// r ‖ s in full length.
    private func raw(_ curve: SSHPublicKey.Curve) throws(SSHFormatError) -> [UInt8] {
        var reader = SSHReader(blob)
        let parts = [
            try reader.positiveNumber(atMost: curve.size), try reader.positiveNumber(atMost: curve.size),
        ]
        try reader.finish()
        return parts.flatMap { [UInt8](repeating: 0, count: max(0, curve.size - $0.count)) + $0 }
    }

    private static func isValid(
        _ raw: [UInt8], _ message: [UInt8], _ curve: SSHPublicKey.Curve, _ point: [UInt8]
    ) -> Bool {
        switch curve {
        case .nistp256:
            guard let key = try? P256.Signing.PublicKey(x963Representation: point),
                let signature = try? P256.Signing.ECDSASignature(rawRepresentation: raw)
            else { return false }
            return key.isValidSignature(signature, for: message)
        case .nistp384:
            guard let key = try? P384.Signing.PublicKey(x963Representation: point),
                let signature = try? P384.Signing.ECDSASignature(rawRepresentation: raw)
            else { return false }
            return key.isValidSignature(signature, for: message)
        case .nistp521:
            guard let key = try? P521.Signing.PublicKey(x963Representation: point),
                let signature = try? P521.Signing.ECDSASignature(rawRepresentation: raw)
            else { return false }
            return key.isValidSignature(signature, for: message)
        }
    }
}
