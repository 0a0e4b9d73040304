import CustodyProtocol
import DTABytes
import DTAFormats
import DTASystem
import TestSupport
import Testing

/// A request and an answer to it with random fields, and what must hold for them.
struct MessageSample {
    let operation: CustodyOperation
    /// Brings both through both codecs.
    let check: () throws -> Void

    private init<Message: CustodyMessage>(_ message: Message, answer: Message.Answer) {
        operation = Message.operation
        check = {
            let request = MessageCodecTests.bytes(Message.operation.rawValue) { message.encode(to: &$0) }
            let read = try MessageCodecTests.reading(request) { try Message(from: &$0) }
            #expect(read == message)
            let bytes = try MessageCodecTests.bytes(CustodyFrame.ok) { try read.encode(answer, to: &$0) }
            let answered = try MessageCodecTests.reading(bytes) { try message.answer(from: &$0) }
            // Not every answer can be compared; what is written of it can.
            #expect(
                "\(answered)" == "\(answer)" || answered is Set<UInt32> || answered is SecretReference,
                "\(Message.operation)")
            #expect(try MessageCodecTests.bytes(CustodyFrame.ok) { try message.encode(answered, to: &$0) } == bytes)
        }
    }

    private init<Message: CustodyMessage>(_ message: Message, answer: [UInt8])
    where Message.Answer == SecretReference {
        self.init(message, answer: SecretReference(copying: answer))
    }

    static func random(_ operation: CustodyOperation, _ random: inout SeededGenerator) throws -> MessageSample {
        var some = RandomFields(random)
        defer { random = some.random }
        switch operation {
        case .begin:
            return MessageSample(
                Begin(expecting: some.isTrue ? nil : some.token), answer: some.isTrue ? nil : some.token)
        case .version: return MessageSample(AskVersion(), answer: some.uint32)
        case .setAffinity: return MessageSample(SetAffinity(processor: Int32(bitPattern: some.uint32)), answer: ())
        case .forget: return try MessageSample(ForgetObject(id: some.id), answer: ())
        case .describe: return MessageSample(DescribeToken(), answer: some.description)
        case .examine: return MessageSample(Examine(need: some.one(of: TokenNeed.allCases)), answer: some.text(4096))
        case .random:
            let count = some.number(1...65_536)
            return MessageSample(DrawRandom(count: count), answer: some.bytes(count...count))
        case .list:
            let objects = try (0..<some.number(0...40)).map { _ in try some.object }
            return MessageSample(ListObjects(objectClass: some.objectClass), answer: objects)
        case .generate:
            return try MessageSample(
                GenerateKey(type: some.keyType, owner: some.owner, id: some.id), answer: some.bytes(0...256))
        case .publicKey:
            return try MessageSample(
                ReadPublicKey(id: some.id), answer: UserPublicKey(type: some.keyType, bytes: some.bytes(0...256)))
        case .delete: return try MessageSample(DeleteObject(objectClass: some.objectClass, id: some.id), answer: ())
        case .sign:
            return try MessageSample(Sign(id: some.id, input: some.bytes(0...9000)), answer: some.bytes(0...256))
        case .signRSA:
            let scheme = some.one(of: RSAScheme.allCases)
            let digest = some.bytes(scheme.digestLength...scheme.digestLength)
            return try MessageSample(
                SignRSA(id: some.id, scheme: scheme, digest: digest), answer: some.bytes(0...512))
        case .beginImport:
            return try MessageSample(
                BeginImport(type: some.keyType, owner: some.owner, id: some.id, nonce: some.bytes(32...32)),
                answer: ImportOffer(wrappingKey: some.bytes(1216...1216), signature: some.bytes(64...64)))
        case .importKey:
            return try MessageSample(
                ImportKey(type: some.keyType, owner: some.owner, id: some.id, wrapped: some.bytes(0...2672)),
                answer: some.bytes(0...526))
        case .origin: return try MessageSample(AskOrigin(id: some.id), answer: some.one(of: KeyOrigin.allCases))
        case .mac:
            return try MessageSample(MakeMAC(id: some.id, input: some.bytes(0...9000)), answer: some.bytes(32...32))
        case .encrypt:
            return try MessageSample(
                Encrypt(id: some.id, plaintext: some.bytes(0...9000), associatedData: some.bytes(0...99)),
                answer: some.bytes(0...9000))
        case .decrypt:
            return try MessageSample(
                Decrypt(id: some.id, ciphertext: some.bytes(0...9000), associatedData: some.bytes(0...99)),
                answer: some.bytes(0...9000))
        case .agree:
            return try MessageSample(Agree(id: some.id, peer: some.bytes(0...97)), answer: some.bytes(32...48))
        case .createIdentity:
            return try MessageSample(
                CreateIdentity(owner: some.owner, signing: some.id, kem: some.id),
                answer: CreatedIdentityKeys(
                    signingType: some.keyType, signing: some.bytes(0...256), kem: some.bytes(1216...1216),
                    sealedSeed: some.bytes(0...1024)))
        case .signDocument:
            return try MessageSample(
                SignDocument(id: some.id, context: some.text(128), hash: some.hash), answer: some.bytes(64...64))
        case .openKey:
            return try MessageSample(
                OpenKey(recipient: some.recipient, coreHash: some.hash, wrap: some.wrap), answer: some.hash)
        case .createPostQuantumKey:
            return try MessageSample(CreatePostQuantumKey(signing: some.id), answer: some.postQuantumKey)
        case .signPostQuantum:
            return try MessageSample(
                SignPostQuantum(signing: some.id, key: some.postQuantumKey, context: some.text(128), hash: some.hash),
                answer: some.bytes(3309...3309))
        case .sealState:
            return MessageSample(
                SealState(plaintext: some.bytes(0...9000), purpose: some.text(128), id: some.bytes(0...128)),
                answer: some.bytes(0...9000))
        case .unsealState:
            return MessageSample(
                UnsealState(sealed: some.bytes(0...9000), purpose: some.text(128), id: some.bytes(0...128)),
                answer: some.bytes(0...9000))
        case .newSeed:
            return try MessageSample(
                NewSeed(fiduciary: some.recipient, order: some.block, documents: some.blocks, epoch: some.uint32),
                answer: CreatedSeed(
                    sealed: some.bytes(0...9000), publicKey: some.bytes(33...33), proof: some.bytes(64...64)))
        case .newOrderKey:
            return try MessageSample(
                NewOrderKey(fiduciary: some.recipient, order: some.block, documents: some.blocks, epoch: some.uint32),
                answer: CreatedOrderKey(
                    sealed: some.bytes(0...9000), type: some.keyType, publicKey: some.bytes(0...256)))
        case .release: return try MessageSample(Release(some.redemption), answer: some.bytes(0...9000))
        case .signForOrder: return try MessageSample(SignForOrder(some.redemption), answer: some.bytes(0...9000))
        case .resealOrder:
            return MessageSample(
                ResealOrder(sealed: some.bytes(0...9000), order: some.cid, owner: some.owner, epoch: some.uint32),
                answer: some.bytes(0...9000))
        case .sealOrderState:
            return MessageSample(
                SealOrderState(state: some.bytes(0...9000), order: some.cid, owner: some.owner, epoch: some.uint32),
                answer: some.bytes(0...9000))
        case .openOrderState:
            return MessageSample(
                OpenOrderState(sealed: some.bytes(0...9000), order: some.cid, owner: some.owner),
                answer: some.bytes(0...9000))
        case .resealOrderState:
            return MessageSample(
                ResealOrderState(sealed: some.bytes(0...9000), order: some.cid, owner: some.owner, epoch: some.uint32),
                answer: some.bytes(0...9000))
        case .newEpoch: return MessageSample(NewEpoch(number: some.uint32), answer: ())
        case .destroyEpoch: return MessageSample(DestroyEpoch(number: some.uint32), answer: ())
        case .epochs:
            return MessageSample(ListEpochs(), answer: Set((0..<some.number(0...40)).map { _ in some.uint32 }))
        case .createShare:
            return MessageSample(
                CreateShare(owner: some.owner, beneficiary: some.cid, terms: some.isTrue ? nil : some.hash),
                answer: CreatedShare(sealed: some.bytes(0...200), publicKey: some.bytes(33...33)))
        case .exportWallet:
            return try MessageSample(
                ExportWallet(
                    share: CreatedShare(sealed: some.bytes(0...133), publicKey: some.bytes(33...33)),
                    commitment: some.part, release: some.part, documents: some.blocks), answer: some.hash)
        }
    }
}

/// Fields of messages, drawn at random.
private struct RandomFields {
    var random: SeededGenerator

    init(_ random: SeededGenerator) { self.random = random }

    mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }

    mutating func bytes(_ range: ClosedRange<Int>) -> [UInt8] { random.bytes(number(range)) }

    mutating func one<Value>(of values: [Value]) -> Value { values[number(0...values.count - 1)] }

    /// Of one to three bytes a letter.
    mutating func text(_ limit: Int) -> String {
        String((0..<number(0...limit / 3)).map { _ in one(of: ["a", "0", "/", " ", "ü", "€"] as [Character]) })
    }

    var isTrue: Bool { mutating get { number(0...1) == 0 } }
    var uint32: UInt32 { mutating get { UInt32.random(in: 0 ... .max, using: &random) } }
    var hash: [UInt8] { mutating get { random.bytes(32) } }
    var id: ObjectID { mutating get throws { try ObjectID(random.bytes(16)) } }
    var owner: ObjectOwner { mutating get { ObjectOwner(uid: uint32) } }
    var cid: CID { mutating get { CID(hashing: random.bytes(8), codec: isTrue ? .raw : .dagCBOR) } }
    var keyType: KeyType { mutating get { one(of: KeyType.allCases) } }
    var objectClass: ObjectClass { mutating get { one(of: ObjectClass.allCases) } }
    var object: TokenObject {
        mutating get throws { TokenObject(objectClass: objectClass, owner: owner, id: try id) }
    }
    var block: SignedBlock { mutating get { SignedBlock(bytes(0...9000)) } }
    var blocks: [SignedBlock] {
        mutating get {
            let count = number(0...8)
            return (0..<count).map { _ in block }
        }
    }
    var wrap: Envelope.Wrap {
        mutating get throws { try Envelope.Wrap(enc: random.bytes(1120), key: random.bytes(48)) }
    }
    var token: TokenIdentity {
        mutating get { TokenIdentity(serial: text(64), landmark: random.bytes(TokenIdentity.landmarkSize)) }
    }
    var recipient: RecipientKey {
        mutating get throws {
            RecipientKey(
                kem: try id, owner: owner, publicKEM: random.bytes(1216), sealedSeed: random.bytes(97), cid: cid)
        }
    }
    var part: SealedPart { mutating get throws { SealedPart(recipient: try recipient, block: block) } }
    var postQuantumKey: PostQuantumKey {
        mutating get { PostQuantumKey(publicKey: random.bytes(1952), sealedSeed: bytes(0...1024)) }
    }
    var redemption: RedemptionRequest {
        mutating get throws {
            RedemptionRequest(
                fiduciary: try recipient, sealed: bytes(0...9000), order: cid, redemption: block, approvals: blocks,
                documents: blocks, received: Int64(number(0...253_402_300_799)))
        }
    }
    var description: TokenDescription {
        mutating get {
            TokenDescription(
                label: text(32), serial: text(16), manufacturer: text(32), model: text(16), library: text(64),
                keyTypes: (0..<number(0...6)).map { _ in keyType }, maximumSessions: uint32,
                pid: Int32(bitPattern: uint32), uid: uint32, memoryShortfall: text(200))
        }
    }
}
