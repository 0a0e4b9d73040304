/// One message between dtad and dtad-hsm:
///
///     length (4, big-endian, of what follows) ‖ operation or status (1) ‖ { field length (4) ‖ field }*
///
/// A request's first byte is a `CustodyOperation`; an answer's is 0, or an `ErrorCode` with the fields message and hint,
/// and a third one, a `CustodyExit`, if dtad-hsm ends after this answer. `docs/custody.md` lists every field.
public enum CustodyFrame {
    /// The largest message, after its length: 1 MiB + 64 KiB.
    public static let limit = 1 << 20 | 1 << 16
    /// The largest input of sign, mac, encrypt and decrypt.
    public static let inputLimit = 256 << 10
    /// The bytes of the length.
    public static let headerSize = 4
    /// The first byte of an answer that is not an error.
    public static let ok: UInt8 = 0
}
