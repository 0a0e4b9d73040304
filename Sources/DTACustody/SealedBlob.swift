import DTAFormats
import DTASystem

/// What dtad-hsm gives the front to keep and only dtad-hsm opens:
///
///     version (1) ‖ key number (4, big-endian) ‖ nonce (12) ‖ ciphertext ‖ tag (16)
///
/// by AES-256-GCM with the token's key of that number.
struct SealedBlob {
    static let version: UInt8 = 1
    /// The bytes that are no plaintext.
    static let overhead = 1 + 4 + 12 + 16

    let keyNumber: UInt32
    /// nonce ‖ ciphertext ‖ tag.
    let box: [UInt8]

    init(keyNumber: UInt32, box: [UInt8]) {
        self.keyNumber = keyNumber
        self.box = box
    }

    /// - Throws: `DTAError.dataLoss` for what cannot be one.
    init(_ bytes: [UInt8]) throws {
        guard bytes.count >= SealedBlob.overhead else {
            throw DTAError(.dataLoss, "a sealed blob of \(bytes.count) bytes is too short to be one")
        }
        guard bytes[0] == SealedBlob.version else {
            throw DTAError(.dataLoss, "a sealed blob of version \(bytes[0]): this dtad-hsm knows version 1")
        }
        keyNumber = bytes[1..<5].reduce(0) { $0 << 8 | UInt32($1) }
        box = Array(bytes[5...])
    }

    var bytes: [UInt8] {
        [SealedBlob.version] + (0..<4).map { UInt8(truncatingIfNeeded: keyNumber >> (24 - 8 * $0)) } + box
    }

    /// What a blob is sealed for; it opens for nothing else.
    struct Binding {
        /// `dta/seal/1`, `dta/state/1` or `dta/epoch/1`.
        var domain: String
        var purpose: String
        var owner: UInt32
        /// What it belongs to, by content and never by name.
        var id: [UInt8]

        /// The associated data: DAG-CBOR of [domain, key number, purpose, owner uid, id].
        func associatedData(keyNumber: UInt32) throws -> [UInt8] {
            try DAGCBOR.encode(
                .list([
                    .text(domain), .unsigned(UInt64(keyNumber)), .text(purpose), .unsigned(UInt64(owner)), .bytes(id),
                ]))
        }
    }
}
