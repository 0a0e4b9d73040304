import Crypto
import DTABytes

/// The object id of a `sign` order's key on the fiduciary's token, which follows from its owner and from the order.
/// dtad-hsm makes the key under this id only. dtad computes the same id beforehand, to find the key after a crash.
public enum OrderKeyID {
    /// The prefix of these ids. dtad-hsm makes no other key under an id with this prefix.
    public static let prefix = Array("ord/".utf8)

    private static let label = "dta/order-key/1"

    /// - Parameter owner: the uid that the fiduciary's identity belongs to.
    /// - Parameter order: the CID of part 1.
    /// - Returns: 16 bytes: the prefix, and the first 12 of SHA-256 of label ‖ 00 ‖ owner (4, big-endian) ‖ CID (36).
    public static func bytes(owner: UInt32, order: CID) -> [UInt8] {
        let uid = owner.bigEndianBytes
        return prefix + SHA256.hash(data: SignedBytes.labelled(label, uid, order.bytes)).prefix(16 - prefix.count)
    }
}
