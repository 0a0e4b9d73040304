import CPKCS11

/// A call that was not done, and its return value of PKCS#11 (`CKR_…`).
public struct CryptokiError: Error, Equatable, Sendable {
    /// Never `CKR_OK`.
    public let code: UInt

    /// - Parameter code: the return value.
    public init(_ code: UInt) { self.code = code }

    /// The message is not what its call's signature says: as p11-kit's own server answers it.
    static let malformed = CryptokiError(CKR_DEVICE_ERROR)
}
