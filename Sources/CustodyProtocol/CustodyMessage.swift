import DTABytes
import DTASystem

/// A request of dtad to dtad-hsm: a type for each operation, which reads and writes its fields, their bounds and its
/// answer. `docs/custody.md` lists the fields, in the order in which they are written and read.
public protocol CustodyMessage: Sendable, Equatable {
    associatedtype Answer: Sendable

    static var operation: CustodyOperation { get }
    /// The classes of the objects on the token that it may use. dtad-hsm holds it to them.
    static var classes: [ObjectClass] { get }

    /// How long it may take beyond `hsm.deadline_ms`, in milliseconds, on both sides. 0 for nearly all.
    var extraMilliseconds: Int { get }

    /// Takes the request's fields.
    /// - Throws: `DTAError.invalidArgument` for what is missing, or out of bounds.
    init(from fields: inout CustodyReader) throws

    /// Writes the request's fields.
    func encode(to fields: inout CustodyWriter)

    /// Takes the fields of the answer to this request.
    /// - Throws: `DTAError.invalidArgument` for what is missing, or out of bounds.
    func answer(from fields: inout CustodyReader) throws -> Answer

    /// Writes the fields of the answer to this request.
    /// - Throws: `DTAError.resourceExhausted` if they do not fit into one message.
    func encode(_ answer: Answer, to fields: inout CustodyWriter) throws
}

extension CustodyMessage {
    public var extraMilliseconds: Int { 0 }
}

/// An answer without fields.
extension CustodyMessage where Answer == Void {
    public func answer(from fields: inout CustodyReader) throws {}

    public func encode(_ answer: Void, to fields: inout CustodyWriter) {}
}

/// An answer of one field.
extension CustodyMessage where Answer == [UInt8] {
    public func encode(_ answer: [UInt8], to fields: inout CustodyWriter) { fields.field(answer) }
}

/// An answer that is a secret.
extension CustodyMessage where Answer == SecretReference {
    public func encode(_ answer: SecretReference, to fields: inout CustodyWriter) { fields.field(answer) }
}

extension CustodyOperation {
    /// The type of its messages.
    public var message: any CustodyMessage.Type {
        switch self {
        case .begin: Begin.self
        case .version: AskVersion.self
        case .setAffinity: SetAffinity.self
        case .forget: ForgetObject.self
        case .describe: DescribeToken.self
        case .examine: Examine.self
        case .random: DrawRandom.self
        case .list: ListObjects.self
        case .generate: GenerateKey.self
        case .publicKey: ReadPublicKey.self
        case .delete: DeleteObject.self
        case .sign: Sign.self
        case .signRSA: SignRSA.self
        case .beginImport: BeginImport.self
        case .importKey: ImportKey.self
        case .origin: AskOrigin.self
        case .mac: MakeMAC.self
        case .encrypt: Encrypt.self
        case .decrypt: Decrypt.self
        case .agree: Agree.self
        case .createIdentity: CreateIdentity.self
        case .signDocument: SignDocument.self
        case .openKey: OpenKey.self
        case .createPostQuantumKey: CreatePostQuantumKey.self
        case .signPostQuantum: SignPostQuantum.self
        case .sealState: SealState.self
        case .unsealState: UnsealState.self
        case .newSeed: NewSeed.self
        case .newOrderKey: NewOrderKey.self
        case .release: Release.self
        case .signForOrder: SignForOrder.self
        case .resealOrder: ResealOrder.self
        case .sealOrderState: SealOrderState.self
        case .openOrderState: OpenOrderState.self
        case .resealOrderState: ResealOrderState.self
        case .newEpoch: NewEpoch.self
        case .destroyEpoch: DestroyEpoch.self
        case .epochs: ListEpochs.self
        case .createShare: CreateShare.self
        case .exportWallet: ExportWallet.self
        }
    }
}
