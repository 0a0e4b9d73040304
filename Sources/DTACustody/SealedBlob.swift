import CustodyProtocol
import DTABytes
import DTAFormats
import DTASystem

/// A blob that the front keeps and only dtad-hsm opens:
///
///     version (1) ‖ key number (4, big-endian) ‖ nonce (12) ‖ ciphertext ‖ tag (16)
///
/// by AES-256-GCM with the token's key of that number. The version is that of the domain that it was sealed in.
struct SealedBlob {
    let version: UInt8
    let keyNumber: UInt32
    /// nonce ‖ ciphertext ‖ tag.
    let box: [UInt8]

    init(_ domain: Domain, keyNumber: UInt32, box: [UInt8]) {
        version = domain.version
        self.keyNumber = keyNumber
        self.box = box
    }

    /// - Throws: `DTAError.dataLoss` if it cannot be one.
    init(_ bytes: [UInt8]) throws {
        guard bytes.count >= SealedSize.overhead else {
            throw DTAError(.dataLoss, "a sealed blob of \(bytes.count) bytes is too short to be one")
        }
        guard (1...2).contains(bytes[0]) else {
            throw DTAError(.dataLoss, "a sealed blob of version \(bytes[0]): this dtad-hsm knows versions 1 and 2")
        }
        version = bytes[0]
        keyNumber = UInt32(bigEndianBytes: bytes[1..<5])
        box = Array(bytes[5...])
    }

    var bytes: [UInt8] { [version] + keyNumber.bigEndianBytes + box }

    /// The domain keeps blobs of one class and layout from being taken for others. An older dtad-hsm does not open a
    /// newer domain.
    enum Domain: String {
        case seal1 = "dta/seal/1"
        case seal2 = "dta/seal/2"
        case state1 = "dta/state/1"
        case epoch1 = "dta/epoch/1"
        case epoch2 = "dta/epoch/2"

        var version: UInt8 {
            switch self {
            case .seal1, .state1, .epoch1: 1
            case .seal2, .epoch2: 2
            }
        }
    }

    /// The purpose of a blob; it opens for no other.
    struct Binding {
        var domain: Domain
        var purpose: String
        var owner: UInt32
        /// The object it belongs to, by content and not by name.
        var id: [UInt8]

        /// The associated data: DAG-CBOR of [domain, key number, purpose, owner uid, id].
        func associatedData(keyNumber: UInt32) throws -> [UInt8] {
            try DAGCBOR.encode(
                .list([
                    .text(domain.rawValue), .unsigned(UInt64(keyNumber)), .text(purpose), .unsigned(UInt64(owner)),
                    .bytes(id),
                ]))
        }
    }
}
