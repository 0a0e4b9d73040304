import DTABytes
import DTAFormats

/// Opens the content key of one envelope: HPKE with the recipient's X-Wing key, bound to the core hash and to the
/// recipient's CID.
public struct OpenKey: CustodyMessage {
    public static let operation = CustodyOperation.openKey
    public static let classes: [ObjectClass] = [.identityKEM, .seal]
    public typealias Answer = SecretReference

    public var recipient: RecipientKey
    /// 32 bytes.
    public var coreHash: [UInt8]
    public var wrap: Envelope.Wrap

    public init(recipient: RecipientKey, coreHash: [UInt8], wrap: Envelope.Wrap) {
        self.recipient = recipient
        self.coreHash = coreHash
        self.wrap = wrap
    }

    // The core hash is between the recipient's key and its CID.

    public init(from fields: inout CustodyReader) throws {
        let (kem, owner) = (try fields.objectID(), try fields.owner())
        let publicKEM = try fields.field(exactly: Identity.kemSize)
        let sealedSeed = try fields.field(exactly: SealedSize.kemSeed)
        coreHash = try fields.field(exactly: FieldBound.hash)
        recipient = RecipientKey(
            kem: kem, owner: owner, publicKEM: publicKEM, sealedSeed: sealedSeed, cid: try fields.cid())
        let enc = try fields.field(exactly: Envelope.Wrap.encSize)
        wrap = try Envelope.Wrap(enc: enc, key: try fields.field(exactly: Envelope.Wrap.keySize))
    }

    public func encode(to fields: inout CustodyWriter) {
        fields.field(recipient.kem)
        fields.field(recipient.owner)
        fields.field(recipient.publicKEM)
        fields.field(recipient.sealedSeed)
        fields.field(coreHash)
        fields.field(recipient.cid)
        fields.field(wrap.enc)
        fields.field(wrap.key)
    }

    /// 32 bytes.
    public func answer(from fields: inout CustodyReader) throws -> SecretReference { try fields.secret(exactly: 32) }
}
