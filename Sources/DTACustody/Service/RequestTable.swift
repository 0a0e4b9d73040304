import CustodyProtocol
import DTABytes
import DTASystem

/// The handlers of dtad-hsm, one for each operation.
extension Custody {
    /// Answers one request.
    /// - Throws: `DTAError` for the front; `CustodyStartError` if this process is to answer and then end.
    func answer(_ request: inout CustodyReader, _ answer: inout CustodyWriter) throws {
        guard let operation = CustodyOperation(rawValue: request.head) else {
            guard CustodyOperation.retired.contains(request.head) else {
                throw DTAError(.invalidArgument, "custody operation \(request.head) is unknown")
            }
            throw DTAError(
                .invalidArgument, "custody operation \(request.head) is not served any more",
                hint: "dtad is of an older release than dtad-hsm: install both of one release, then restart dtad")
        }
        try Custody.handlers[Int(operation.rawValue)]?.serve(self, &request, &answer)
    }

    /// Made once, because making one takes nearly as long as a signature. By the numbers of the operations.
    private static let handlers: [RequestHandler?] = (0...UInt8.max).map { number in
        CustodyOperation(rawValue: number).map(handler)
    }

    static func handler(_ operation: CustodyOperation) -> RequestHandler {
        switch operation {
        case .begin:
            RequestHandler(Begin.self) { _, _ in throw DTAError(.invalidArgument, "a connection begins once") }
        case .version: RequestHandler(AskVersion.self) { _, _ in CustodyOperation.protocolVersion }
        case .setAffinity: RequestHandler(SetAffinity.self) { Processors.run(on: $1.processor) }
        case .forget: RequestHandler(ForgetObject.self) { $0.forget($1.id) }

        case .describe: RequestHandler(DescribeToken.self) { custody, _ in try custody.describe() }
        case .examine: RequestHandler(Examine.self) { try $0.examine($1.need) }
        case .random: RequestHandler(DrawRandom.self) { SecretReference(try $0.random(count: $1.count)) }
        case .list: RequestHandler(ListObjects.self) { Array(try $0.list($1.objectClass)) }

        case .generate: RequestHandler(GenerateKey.self) { try $0.generate($1.type, owner: $1.owner, id: $1.id) }
        case .publicKey: RequestHandler(ReadPublicKey.self) { try $0.publicKey($1.id) }
        case .delete: RequestHandler(DeleteObject.self) { try $0.delete($1.objectClass, id: $1.id) }
        case .sign: RequestHandler(Sign.self) { try $0.sign($1.id, input: $1.input) }
        case .signRSA: RequestHandler(SignRSA.self) { try $0.sign($1.id, scheme: $1.scheme, digest: $1.digest) }
        case .mac: RequestHandler(MakeMAC.self) { try $0.mac($1.id, input: $1.input) }
        case .encrypt:
            RequestHandler(Encrypt.self) { try $0.encrypt($1.id, plaintext: $1.plaintext, aad: $1.associatedData) }
        case .decrypt:
            RequestHandler(Decrypt.self) {
                SecretReference(try $0.decrypt($1.id, ciphertext: $1.ciphertext, aad: $1.associatedData))
            }

        case .agree: RequestHandler(Agree.self) { SecretReference(try $0.agree($1.id, peer: $1.peer)) }

        case .beginImport: RequestHandler(BeginImport.self) { try $0.beginImport($1) }
        case .importKey: RequestHandler(ImportKey.self) { try $0.importKey($1) }
        case .origin: RequestHandler(AskOrigin.self) { try $0.origin($1.id) }

        case .createIdentity:
            RequestHandler(CreateIdentity.self) {
                try $0.createIdentity(owner: $1.owner, signing: $1.signing, kem: $1.kem)
            }
        case .signDocument:
            RequestHandler(SignDocument.self) { try $0.signDocument($1.id, context: $1.context, hash: $1.hash) }
        case .openKey: RequestHandler(OpenKey.self) { SecretReference(try $0.openKey($1)) }
        case .createPostQuantumKey:
            RequestHandler(CreatePostQuantumKey.self) { try $0.createPostQuantumKey($1.signing) }
        case .signPostQuantum:
            RequestHandler(SignPostQuantum.self) {
                try $0.signPostQuantum($1.signing, key: $1.key, context: $1.context, hash: $1.hash)
            }

        case .sealState:
            RequestHandler(SealState.self) { try $0.sealState($1.plaintext, purpose: $1.purpose, id: $1.id) }
        case .unsealState:
            RequestHandler(UnsealState.self) {
                SecretReference(try $0.unsealState($1.sealed, purpose: $1.purpose, id: $1.id))
            }

        case .newSeed: RequestHandler(NewSeed.self) { try $0.newSeed($1.request) }
        case .newOrderKey: RequestHandler(NewOrderKey.self) { try $0.newOrderKey($1.request) }
        case .release: RequestHandler(Release.self) { try $0.release($1.request) }
        case .signForOrder: RequestHandler(SignForOrder.self) { try $0.signForOrder($1.request) }
        case .resealOrder: RequestHandler(ResealOrder.self) { try $0.resealOrder($1.request) }
        case .sealOrderState: RequestHandler(SealOrderState.self) { try $0.sealOrderState($1) }
        case .openOrderState: RequestHandler(OpenOrderState.self) { SecretReference(try $0.openOrderState($1)) }
        case .resealOrderState: RequestHandler(ResealOrderState.self) { try $0.resealOrderState($1.request) }

        case .newEpoch: RequestHandler(NewEpoch.self) { try $0.newEpoch($1.number) }
        case .destroyEpoch: RequestHandler(DestroyEpoch.self) { try $0.destroyEpoch($1.number) }
        case .epochs: RequestHandler(ListEpochs.self) { custody, _ in try custody.epochs() }

        case .createShare: RequestHandler(CreateShare.self) { try $0.createShare($1) }
        case .exportWallet: RequestHandler(ExportWallet.self) { SecretReference(try $0.exportWallet($1)) }
        }
    }
}

/// How dtad-hsm serves the requests of one operation: each is parsed completely before anything is done, and uses only
/// objects of the classes that its message names.
struct RequestHandler: Sendable {
    let operation: CustodyOperation
    let serve: @Sendable (Custody, inout CustodyReader, inout CustodyWriter) throws -> Void

    init<Message: CustodyMessage>(
        _: Message.Type, _ perform: @escaping @Sendable (Custody, Message) throws -> Message.Answer
    ) {
        operation = Message.operation
        serve = { custody, fields, answer in
            let request = try Message(from: &fields)
            try fields.end()
            if request.extraMilliseconds > 0 { Alarm.extend(byMilliseconds: request.extraMilliseconds) }
            let result = try custody.using(Message.classes) { try perform(custody, request) }
            answer.begin(CustodyFrame.ok)
            try request.encode(result, to: &answer)
        }
    }
}
