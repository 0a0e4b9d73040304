import DTABytes
import DTAFormats

/// Gives the private key of a wallet, which is the sum of the share that the fiduciary released and the beneficiary's
/// own. It is the only secret that dtad-hsm gives to the front.
public struct ExportWallet: CustodyMessage {
    public static let operation = CustodyOperation.exportWallet
    public static let classes: [ObjectClass] = [.identityKEM, .seal]
    public typealias Answer = SecretReference

    /// What `CreateShare` gave.
    public var share: CreatedShare
    /// Part 2. Between it and part 4 the beneficiary may have been replaced: so each has the identity to which it was
    /// sealed.
    public var commitment: SealedPart
    /// Part 4.
    public var release: SealedPart
    public var documents: [SignedBlock]

    public init(share: CreatedShare, commitment: SealedPart, release: SealedPart, documents: [SignedBlock]) {
        self.share = share
        self.commitment = commitment
        self.release = release
        self.documents = documents
    }

    public init(from fields: inout CustodyReader) throws {
        share = CreatedShare(
            sealed: try fields.field(atMost: SealedSize.shareLimit),
            publicKey: try fields.field(exactly: Secp256k1PublicKey.byteCount))
        commitment = try fields.sealedPart()
        release = try fields.sealedPart()
        documents = try fields.blocks(atMost: FieldBound.documents)
    }

    public func encode(to fields: inout CustodyWriter) {
        fields.field(share.sealed)
        fields.field(share.publicKey)
        fields.field(commitment)
        fields.field(release)
        fields.field(documents)
    }

    /// 32 bytes.
    public func answer(from fields: inout CustodyReader) throws -> SecretReference { try fields.secret(exactly: 32) }
}
