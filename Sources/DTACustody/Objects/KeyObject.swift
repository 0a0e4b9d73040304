import CPKCS11
import CustodyProtocol
import DTAFormats
import DTASystem

/// A key on the token that this process has found and judged.
final class KeyObject {
    let label: ObjectLabel
    let kind: KeyKind
    /// The object on the token.
    let tokenHandle: CK_OBJECT_HANDLE
    /// Its public half, if it has one: for `KeyObjects.publicHandle(of:)`, which checks that it still is.
    let publicHandle: CK_OBJECT_HANDLE?
    /// Its copy in this session, if there is one.
    let copy: CK_OBJECT_HANDLE?
    /// The public half's bytes, once they were read: reading them costs a file access, and they are no evidence.
    var publicKey: PublicKey?
    /// When the object on the token was last seen, in monotonic nanoseconds.
    var seen: UInt64

    init(
        label: ObjectLabel, kind: KeyKind, tokenHandle: CK_OBJECT_HANDLE, publicHandle: CK_OBJECT_HANDLE?,
        copy: CK_OBJECT_HANDLE?
    ) {
        self.label = label
        self.kind = kind
        self.tokenHandle = tokenHandle
        self.publicHandle = publicHandle
        self.copy = copy
        seen = monotonicNanoseconds()
    }

    /// The handle to sign, decrypt or derive with.
    var handle: CK_OBJECT_HANDLE { copy ?? tokenHandle }
}

/// What the token holds under one CKA_ID.
struct FoundObjects {
    var label: ObjectLabel
    /// The private or secret key; nil if an interrupted deletion left only the public half.
    var key: (handle: CK_OBJECT_HANDLE, kind: KeyKind)?
    var publicHandle: CK_OBJECT_HANDLE?

    var handles: [CK_OBJECT_HANDLE] { [key?.handle, publicHandle].compactMap { $0 } }
}
