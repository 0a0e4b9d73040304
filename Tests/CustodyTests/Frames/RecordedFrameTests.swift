import CustodyProtocol
import DTAFormats
import DTASystem
import Foundation
import TestSupport
import Testing

@Suite("Custody's frames, as they were recorded", .ownThread, .serialized)
struct RecordedFrameTests {
    /// `DTA_WRITE_VECTORS=1` records the operations that have no file yet.
    init() throws {
        let missing = CustodyOperation.allCases.filter { !RecordedSession.isRecorded($0) }
        guard ProcessInfo.processInfo.environment["DTA_WRITE_VECTORS"] != nil, !missing.isEmpty else { return }
        let session = try RecordedSession.record()
        for operation in missing {
            guard let first = session.first(where: { $0.operation == operation }) else { continue }
            try RecordedSession.write(first, operation)
        }
    }

    @Test("each operation is asked with the bytes that were recorded, and its recorded answer is understood")
    func requests() throws {
        for operation in CustodyOperation.allCases where operation != .begin {
            let recorded = try RecordedSession.exchange(operation)
            #expect(recorded.operation == operation)
            let begin = try RecordedSession.exchange(.begin)
            let (ours, theirs) = try UnixSocket.pair()
            func send(_ frame: [UInt8]) throws {
                try frame.withUnsafeBytes { try UnixSocket.sendAll(theirs.number, $0) }
            }
            try send(begin.answer)
            let custody = try CustodyConnection(
                ours, startMilliseconds: 1000, deadlineMilliseconds: 60_000,
                expecting: TokenIdentity(
                    serial: String(decoding: begin.fields[0], as: UTF8.self), landmark: begin.fields[1]))
            let buffer = CustodyBuffer()
            #expect(try received(theirs, buffer) == begin.request)
            try send(recorded.answer)
            try ask(operation, recorded.fields, custody)
            #expect(try received(theirs, buffer) == recorded.request, "\(operation)")
            #expect(!custody.isBroken, "\(operation)")
        }
    }

    private func received(_ socket: Descriptor, _ buffer: CustodyBuffer) throws -> [UInt8] {
        let message = Array(try #require(try buffer.receive(from: socket.number)))
        return (0..<4).map { UInt8(truncatingIfNeeded: message.count >> (24 - 8 * $0)) } + message
    }

    /// Asks for what the fields of a request say.
    private func ask(_ operation: CustodyOperation, _ fields: [[UInt8]], _ custody: CustodyConnection) throws {
        func number(_ at: Int) -> UInt64 { fields[at].reduce(0) { $0 << 8 | UInt64($1) } }
        func uint32(_ at: Int) -> UInt32 { UInt32(number(at)) }
        func id(_ at: Int) throws -> ObjectID { try ObjectID(fields[at]) }
        func owner(_ at: Int) -> ObjectOwner { ObjectOwner(uid: uint32(at)) }
        func text(_ at: Int) -> String { String(decoding: fields[at], as: UTF8.self) }
        func blocks(_ at: Int) throws -> [SignedBlock] { try BlockList.decode(fields[at]).map(SignedBlock.init) }
        func recipient(_ at: Int = 0) throws -> RecipientKey {
            try RecipientKey(
                kem: id(at), owner: owner(at + 1), publicKEM: fields[at + 2], sealedSeed: fields[at + 3],
                cid: CID(bytes: fields[at + 4]))
        }
        func type(_ at: Int) throws -> KeyType { try #require(KeyType(rawValue: fields[at][0])) }
        func objectClass(_ at: Int) throws -> ObjectClass { try #require(ObjectClass(rawValue: fields[at][0])) }
        switch operation {
        case .begin: break
        case .describe: _ = try custody.ask(DescribeToken())
        case .random: _ = try custody.ask(DrawRandom(count: Int(uint32(0))))
        case .list: _ = try custody.ask(ListObjects(objectClass: objectClass(0)))
        case .generate: _ = try custody.ask(GenerateKey(type: type(0), owner: owner(1), id: id(2)))
        case .publicKey: _ = try custody.ask(ReadPublicKey(id: id(0)))
        case .delete: try custody.ask(DeleteObject(objectClass: objectClass(0), id: id(1)))
        case .forget: try custody.ask(ForgetObject(id: id(0)))
        case .sign: _ = try custody.ask(Sign(id: id(0), input: fields[1]))
        case .agree: _ = try custody.ask(Agree(id: id(0), peer: fields[1]))
        case .signRSA:
            let scheme = try #require(RSAScheme(rawValue: fields[1][0]))
            _ = try custody.ask(SignRSA(id: id(0), scheme: scheme, digest: fields[2]))
        case .beginImport:
            _ = try custody.ask(BeginImport(type: type(0), owner: owner(1), id: id(2), nonce: fields[3]))
        case .importKey:
            _ = try custody.ask(ImportKey(type: type(0), owner: owner(1), id: id(2), wrapped: fields[3]))
        case .origin: _ = try custody.ask(AskOrigin(id: id(0)))
        case .mac: _ = try custody.ask(MakeMAC(id: id(0), input: fields[1]))
        case .encrypt: _ = try custody.ask(Encrypt(id: id(0), plaintext: fields[1], associatedData: fields[2]))
        case .decrypt: _ = try custody.ask(Decrypt(id: id(0), ciphertext: fields[1], associatedData: fields[2]))
        case .createIdentity: _ = try custody.ask(CreateIdentity(owner: owner(0), signing: id(1), kem: id(2)))
        case .signDocument: _ = try custody.ask(SignDocument(id: id(0), context: text(1), hash: fields[2]))
        case .openKey:
            let key = try RecipientKey(
                kem: id(0), owner: owner(1), publicKEM: fields[2], sealedSeed: fields[3], cid: CID(bytes: fields[5]))
            _ = try custody.ask(
                OpenKey(recipient: key, coreHash: fields[4], wrap: Envelope.Wrap(enc: fields[6], key: fields[7])))
        case .sealState: _ = try custody.ask(SealState(plaintext: fields[0], purpose: text(1), id: fields[2]))
        case .unsealState: _ = try custody.ask(UnsealState(sealed: fields[0], purpose: text(1), id: fields[2]))
        case .setAffinity: try custody.ask(SetAffinity(processor: Int32(bitPattern: uint32(0))))
        case .createPostQuantumKey: _ = try custody.ask(CreatePostQuantumKey(signing: id(0)))
        case .signPostQuantum:
            _ = try custody.ask(
                SignPostQuantum(
                    signing: id(0), key: PostQuantumKey(publicKey: fields[1], sealedSeed: fields[2]), context: text(3),
                    hash: fields[4]))
        case .newSeed:
            _ = try custody.ask(
                NewSeed(
                    fiduciary: recipient(), order: SignedBlock(fields[5]), documents: blocks(6),
                    epoch: uint32(7)))
        case .newOrderKey:
            _ = try custody.ask(
                NewOrderKey(
                    fiduciary: recipient(), order: SignedBlock(fields[5]), documents: blocks(6),
                    epoch: uint32(7)))
        case .release:
            _ = try custody.ask(
                Release(
                    RedemptionRequest(
                        fiduciary: recipient(), sealed: fields[5], order: CID(bytes: fields[6]),
                        redemption: SignedBlock(fields[7]), approvals: blocks(8),
                        documents: blocks(9), received: Int64(number(10)))))
        case .signForOrder:
            _ = try custody.ask(
                SignForOrder(
                    RedemptionRequest(
                        fiduciary: recipient(), sealed: fields[5], order: CID(bytes: fields[6]),
                        redemption: SignedBlock(fields[7]), approvals: blocks(8),
                        documents: blocks(9), received: Int64(number(10)))))
        case .newEpoch: try custody.ask(NewEpoch(number: uint32(0)))
        case .destroyEpoch: try custody.ask(DestroyEpoch(number: uint32(0)))
        case .epochs: _ = try custody.ask(ListEpochs())
        case .resealOrder:
            _ = try custody.ask(
                ResealOrder(sealed: fields[0], order: CID(bytes: fields[1]), owner: owner(2), epoch: uint32(3)))
        case .sealOrderState:
            _ = try custody.ask(
                SealOrderState(state: fields[0], order: CID(bytes: fields[1]), owner: owner(2), epoch: uint32(3)))
        case .openOrderState:
            _ = try custody.ask(OpenOrderState(sealed: fields[0], order: CID(bytes: fields[1]), owner: owner(2)))
        case .resealOrderState:
            _ = try custody.ask(
                ResealOrderState(sealed: fields[0], order: CID(bytes: fields[1]), owner: owner(2), epoch: uint32(3)))
        case .createShare:
            _ = try custody.ask(CreateShare(owner: owner(0), beneficiary: CID(bytes: fields[1]), terms: fields[2]))
        case .exportWallet:
            _ = try custody.ask(
                ExportWallet(
                    share: CreatedShare(sealed: fields[0], publicKey: fields[1]),
                    commitment: SealedPart(recipient: recipient(2), block: SignedBlock(fields[7])),
                    release: SealedPart(recipient: recipient(8), block: SignedBlock(fields[13])),
                    documents: blocks(14)))
        case .version: try custody.requireSameVersion()
        case .examine: _ = try custody.ask(Examine(need: #require(TokenNeed(rawValue: fields[0][0]))))
        }
    }
}
