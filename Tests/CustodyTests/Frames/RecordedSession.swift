import Crypto
import CustodyProtocol
import DTABytes
import DTAFormats
import DTASystem
import Foundation
import TestSupport

/// One exchange of each operation, as dtad and dtad-hsm had it when it was recorded: `Tests/vectors/custody`, a file for each
/// operation. They show that the wire is what it was: nobody ever makes them anew.
enum RecordedSession {
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appending(path: "../../vectors/custody").standardizedFileURL

    private static func file(_ operation: CustodyOperation) -> URL {
        folder.appending(path: (operation.rawValue < 10 ? "0" : "") + "\(operation.rawValue)-\(operation).txt")
    }

    static func isRecorded(_ operation: CustodyOperation) -> Bool {
        FileManager.default.fileExists(atPath: file(operation).path)
    }

    static func exchange(_ operation: CustodyOperation) throws -> CustodyExchange {
        let lines = try String(contentsOf: file(operation), encoding: .utf8).split(separator: "\n")
        func frame(_ title: String) throws -> [UInt8] {
            guard let line = lines.first(where: { $0.hasPrefix(title + " ") }) else {
                throw TestFailure("\(file(operation).lastPathComponent) has no \(title)")
            }
            return try bytes(line.dropFirst(title.count + 1))
        }
        return CustodyExchange(request: try frame("request"), answer: try frame("answer"))
    }

    static func write(_ exchange: CustodyExchange, _ operation: CustodyOperation) throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let text = "request \(hex(exchange.request))\nanswer \(hex(exchange.answer))\n"
        try Data(text.utf8).write(to: file(operation))
    }

    /// Has a real dtad-hsm do each operation once at least.
    static func record() throws -> [CustodyExchange] {
        let token = try TestToken()
        let made = try run(
            try Binary.path("dtad-hsm"),
            ["--import-key", "--config", token.configuration, "--pin-file", token.directory.file("pin")])
        guard made.status == 0 else { throw TestFailure("dtad-hsm --import-key: \(made.errors)") }
        let identity = try HSMProcess(token).connect().token
        let tap = try CustodyTap(HSMProcess(token))
        let custody = try CustodyConnection(
            tap.socket, startMilliseconds: 60_000, deadlineMilliseconds: 5000, expecting: identity)
        try askForToken(custody)
        try askForKeys(custody)
        let host = try OrderHost(token, custody)
        try askForIdentities(custody, host)
        try askForOrders(host)
        try askForWallets(host)
        try askForEpochs(host)
        return tap.exchanges
    }

    private static func askForToken(_ custody: CustodyConnection) throws {
        try custody.requireSameVersion()
        _ = try custody.ask(DescribeToken())
        _ = try custody.ask(Examine(need: .random))
        _ = try custody.ask(DrawRandom(count: 40))
        try custody.ask(SetAffinity(processor: 0))
        let row = try custody.ask(SealState(plaintext: [1, 2, 3, 4], purpose: "rows", id: [5, 6]))
        _ = try custody.ask(UnsealState(sealed: row, purpose: "rows", id: [5, 6]))
    }

    private static func askForKeys(_ custody: CustodyConnection) throws {
        let owner = ObjectOwner(uid: 1000)
        let (p256, mac, aes) = (ObjectID.random(), ObjectID.random(), ObjectID.random())
        _ = try custody.ask(GenerateKey(type: .p256, owner: owner, id: p256))
        _ = try custody.ask(GenerateKey(type: .hmacSHA256, owner: owner, id: mac))
        _ = try custody.ask(GenerateKey(type: .aes256, owner: ObjectOwner(uid: 70_000), id: aes))
        _ = try custody.ask(ReadPublicKey(id: p256))
        _ = try custody.ask(ListObjects(objectClass: .user))
        _ = try custody.ask(Sign(id: p256, input: Array(SHA256.hash(data: Array("message".utf8)))))
        let rsa = ObjectID.random()
        _ = try custody.ask(GenerateKey(type: .rsa2048, owner: owner, id: rsa))
        _ = try custody.ask(
            SignRSA(id: rsa, scheme: .pssSHA256, digest: Array(SHA256.hash(data: Array("message".utf8)))))
        let imported = ObjectID.random()
        let offer = try custody.ask(
            BeginImport(type: .p256, owner: owner, id: imported, nonce: [UInt8](repeating: 9, count: 32)))
        var scalar = Array(P256.Signing.PrivateKey().rawRepresentation)
        let wrapped = try KeyWrapping(.p256, owner: owner.uid, object: imported.bytes)
            .wrap(TransportedKey(.p256, Secret(taking: &scalar)), to: offer.wrappingKey)
        _ = try custody.ask(ImportKey(type: .p256, owner: owner, id: imported, wrapped: wrapped))
        _ = try custody.ask(AskOrigin(id: imported))
        _ = try custody.ask(MakeMAC(id: mac, input: Array("message".utf8)))
        let sealed = try custody.ask(
            Encrypt(id: aes, plaintext: Array("plaintext".utf8), associatedData: Array("context".utf8)))
        _ = try custody.ask(Decrypt(id: aes, ciphertext: sealed, associatedData: Array("context".utf8)))
        let agreeing = ObjectID.random()
        _ = try custody.ask(GenerateKey(type: .p256ECDH, owner: owner, id: agreeing))
        _ = try custody.ask(
            Agree(id: agreeing, peer: Array(P256.KeyAgreement.PrivateKey().publicKey.x963Representation)))
        try custody.ask(ForgetObject(id: mac))
        try custody.ask(DeleteObject(objectClass: .user, id: mac))
    }

    private static func askForIdentities(_ custody: CustodyConnection, _ host: OrderHost) throws {
        let fiduciary = host.fiduciary
        let key = try custody.ask(CreatePostQuantumKey(signing: fiduciary.signing))
        _ = try custody.ask(
            SignPostQuantum(
                signing: fiduciary.signing, key: key, context: SignedBytes.envelope,
                hash: [UInt8](repeating: 3, count: 32)))
        let envelope = try EnvelopeSealer.seal(
            [1, 2, 3], content: "text/plain", from: host.principal.cid, to: [fiduciary.document],
            created: 1_760_000_000)
        let wrap = try envelope.wrap(for: fiduciary.document.cid)
        _ = try fiduciary.openKey(custody, coreHash: envelope.coreHash, enc: wrap.enc, key: wrap.key)
    }

    private static func askForOrders(_ host: OrderHost) throws {
        let taken = try host.take(host.terms(approvals: 2))
        let redemption = try host.redeem(taken)
        let approvals = try host.approvers.prefix(2).map {
            try $0.approval(of: redemption.cid, order: taken.part1.cid)
        }
        _ = try host.release(taken, redemption.block, approvals: Array(approvals))
        let sign = try host.takeSign()
        _ = try host.sign(sign, host.askToSign(sign))
        let owner = host.fiduciary.owner
        let order = taken.part1.cid
        let state = try host.custody.ask(
            SealOrderState(state: [7, 8, 9], order: order, owner: owner, epoch: 1))
        _ = try host.custody.ask(OpenOrderState(sealed: state, order: order, owner: owner))
        try host.custody.ask(NewEpoch(number: 2))
        _ = try host.custody.ask(ResealOrder(sealed: taken.sealed, order: order, owner: owner, epoch: 2))
        _ = try host.custody.ask(ResealOrderState(sealed: state, order: order, owner: owner, epoch: 2))
    }

    private static func askForWallets(_ host: OrderHost) throws {
        let heir = try HeldIdentity(host.custody, owner: ObjectOwner(uid: 2000), name: "heir")
        let terms = try OrderTerms(
            fiduciary: host.fiduciary.document.cid, principal: host.principal.cid, beneficiary: heir.document.cid,
            redeemers: [heir.document.cid], recipient: heir.document.cid)
        let share = try host.custody.ask(
            CreateShare(
                owner: heir.owner, beneficiary: heir.document.cid, terms: terms.hash))
        let documents = host.documents + [heir.document.block]
        let order = try Order(
            kind: OrderKind.bitcoinWallet, terms: terms,
            fields: OrderFields([OrderKind.share: .bytes(share.publicKey)]))
        let part1 = try host.part1(order)
        let made = try host.custody.ask(
            NewSeed(
                fiduciary: host.fiduciary.recipientKey, order: SignedBlock(part1.block),
                documents: documents.map(SignedBlock.init), epoch: 2))
        let part2 = try host.fiduciary.part(
            host.custody, .commitment,
            OrderCommitment(
                order: part1.cid, kind: order.kind, terms: terms, publicKey: made.publicKey, proof: made.proof
            ).encoded(), to: [heir.document], answering: part1)
        let part3 = try heir.part(
            host.custody, .redemption,
            OrderRedemption(order: part1.cid, terms: terms, use: 1, nonce: [UInt8](repeating: 0, count: 16)).encoded(),
            to: [host.fiduciary.document], answering: part2)
        let part4 = try host.fiduciary.sign(
            host.custody,
            Envelope(
                encoded: host.custody.ask(
                    Release(
                        RedemptionRequest(
                            fiduciary: host.fiduciary.recipientKey, sealed: made.sealed, order: part1.cid,
                            redemption: SignedBlock(part3.block),
                            approvals: [], documents: documents.map(SignedBlock.init), received: OrderHost.now)))))
        _ = try host.custody.ask(
            ExportWallet(
                share: share, commitment: SealedPart(recipient: heir.recipientKey, block: SignedBlock(part2.block)),
                release: SealedPart(recipient: heir.recipientKey, block: SignedBlock(part4.block)),
                documents: documents.map(SignedBlock.init)))
    }

    private static func askForEpochs(_ host: OrderHost) throws {
        _ = try host.custody.ask(ListEpochs())
        try host.custody.ask(DestroyEpoch(number: 1))
    }
}
