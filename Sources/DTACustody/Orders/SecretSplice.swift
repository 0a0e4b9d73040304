import DTABytes
import DTASystem

/// Puts a secret into an encoded document. The document is encoded with a marker in the secret's place, so the encoder
/// makes no copies of the secret.
struct SecretSplice {
    /// As long as the secrets: 32 random bytes.
    let marker: [UInt8]

    init() {
        var generator = SystemRandomNumberGenerator()
        marker = (0..<OrderSecret.seedSize).map { _ in UInt8.random(in: 0...255, using: &generator) }
    }

    /// Writes the first 32 bytes of `secret` over the marker.
    /// - Throws: `DTAError.internal` unless the marker is there once.
    func put(_ secret: borrowing Secret, into document: inout Secret) throws {
        try document.withUnsafeMutableBytes { bytes in
            let starts = bytes.indices.dropLast(marker.count - 1).filter { start in
                bytes[start] == marker[0] && bytes[start..<start + marker.count].elementsEqual(marker)
            }
            guard starts.count == 1, secret.count >= marker.count else {
                throw DTAError(.internal, "a secret has no place in its document")
            }
            secret.withBytes { secret in
                for offset in marker.indices { bytes[starts[0] + offset] = secret[offset] }
            }
        }
    }
}
