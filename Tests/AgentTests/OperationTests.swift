import AgentProtocol
import Crypto
import DTABytes
import DTAFormats
import DTASystem
import Foundation
import TestSupport
import Testing

/// What the audit log says of each operation, and when it is on the disk: docs/audit.md.
@Suite("Each operation of agent.proto", .ownThread)
struct OperationTests {
    private struct Facts {
        let name: String
        /// Whether the record of one that was done is on the disk before its answer.
        let isSynced: Bool
        /// Of a request that has all fields.
        let detail: String?

        init(_ name: String, synced: Bool = false, detail: String? = nil) {
            (self.name, isSynced, self.detail) = (name, synced, detail)
        }
    }

    private static let facts: [AgentOperation: Facts] = [
        .unspecified: Facts("unspecified"),
        .status: Facts("status"),
        .keyCreate: Facts("key.create", synced: true),
        .keyList: Facts("key.list"),
        .keyShow: Facts("key.show"),
        .keyDelete: Facts("key.delete", synced: true),
        .keyUnnamed: Facts("key.unnamed", synced: true, detail: "decision=commit alias=ally"),
        .keyImportBegin: Facts("key.import.begin", detail: "why=commit"),
        .keyImport: Facts("key.import", synced: true),
        .keyViews: Facts("key.views"),
        .keyIdentify: Facts("key.identify", synced: true),
        .keyCertificate: Facts("key.certificate", synced: true, detail: "decision=commit"),
        .sign: Facts("sign", detail: "scheme=pss-sha384"),
        .verify: Facts("verify"),
        .mac: Facts("mac"),
        .encrypt: Facts("encrypt"),
        .decrypt: Facts("decrypt"),
        .agree: Facts("agree"),
        .random: Facts("random"),
        .policyExplain: Facts("policy.explain"),
        .auditList: Facts("audit.list"),
        .auditVerify: Facts("audit.verify"),
        .auditArchive: Facts("audit.archive", synced: true),
        .auditAccept: Facts("audit.accept", synced: true),
        .identityCreate: Facts("identity.create", synced: true),
        .identityList: Facts("identity.list"),
        .identityShow: Facts("identity.show"),
        .identityRotate: Facts("identity.rotate", synced: true),
        .identityRevoke: Facts("identity.revoke", synced: true),
        .identityRecover: Facts("identity.recover", synced: true),
        .identityRecoverFinish: Facts("identity.recover.finish", synced: true),
        .identityTrust: Facts("identity.trust", synced: true, detail: "alias=ally"),
        .identityDistrust: Facts("identity.distrust", synced: true),
        .identityHistory: Facts("identity.history"),
        .envelopeSeal: Facts("envelope.seal"),
        .envelopeOpen: Facts("envelope.open", detail: "allow_untrusted asked_as=carol"),
        .envelopeDraft: Facts("envelope.draft"),
        .envelopeChunk: Facts("envelope.chunk"),
        .envelopeFinish: Facts("envelope.finish"),
        .envelopeAbandon: Facts("envelope.abandon"),
        .envelopeThread: Facts("envelope.thread"),
        .ledgerPut: Facts("ledger.put"),
        .ledgerGet: Facts("ledger.get"),
        .ledgerList: Facts("ledger.list"),
        .ledgerStatus: Facts("ledger.status"),
        .ledgerGc: Facts("ledger.gc", synced: true),
        .orderCreate: Facts("order.create", synced: true),
        .orderList: Facts("order.list"),
        .orderShow: Facts("order.show"),
        .orderReceive: Facts("order.receive", synced: true),
        .orderFulfil: Facts("order.fulfil", synced: true, detail: "decision=commit redemption=bafyother"),
        .orderRedeem: Facts("order.redeem", synced: true),
        .orderApprove: Facts("order.approve", synced: true, detail: "decision=commit redemption=bafyother"),
        .orderResult: Facts("order.result", synced: true),
        .orderDestroy: Facts("order.destroy", synced: true),
        .orderDeposit: Facts("order.deposit", synced: true),
        .pluginList: Facts("plugin.list"),
        .walletPublishShares: Facts("wallet.publish", synced: true),
        .walletListShares: Facts("wallet.list"),
        .walletExport: Facts("wallet.export", synced: true),
        .orderParts: Facts("order.parts"),
        .orderEpochs: Facts("order.epochs", synced: true, detail: "decision=commit"),
        .sshList: Facts("ssh.list"),
        .sshArrange: Facts("ssh.arrange", synced: true, detail: "decision=commit"),
        .sshConstrain: Facts("ssh.constrain", synced: true),
        .sshCertificate: Facts("ssh.certificate", synced: true, detail: "decision=commit"),
        .sshConfirm: Facts("ssh.confirm", synced: true, detail: "decision=commit"),
        .confirmNext: Facts("confirm.next"),
        .confirmAnswer: Facts("confirm.answer", detail: "decision=commit"),
        .UNRECOGNIZED(1999): Facts("operation.1999"),
    ]

    /// An agent whose log is looked at after each answer.
    private struct Watched {
        let agent: TestAgent
        let synced: SyncedBytes
        let client: BlockingAgentClient

        init() throws {
            agent = try TestAgent(starting: false)
            synced = try SyncedBytes(in: agent.directory)
            try agent.start(environment: synced.environment)
            client = agent.client()
        }

        var newestFile: String {
            get throws {
                let folder = agent.state + "/audit"
                let files = try FileManager.default.contentsOfDirectory(atPath: folder).filter {
                    $0.hasPrefix("audit-")
                }
                guard let newest = files.max() else { throw TestFailure("there is no log") }
                return "\(folder)/\(newest)"
            }
        }

        /// The members of the log's last record, and whether it is on the disk.
        func lastRecord() throws -> (members: [String: Any], isSynced: Bool) {
            let file = try newestFile
            let isSynced = try synced.isWhole(file)
            let line = try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n").last ?? ""
            let members = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
            return (members ?? [:], isSynced)
        }
    }

    private static func withAllFields(_ operation: AgentOperation) -> AgentRequest {
        var request = AgentRequest(operation, subject: "subject", data: [1])
        request.identities = ["carol"]
        request.permission = "sign"
        request.uid = 1
        request.replyTo = "bafyreply"
        request.recovery = Data([2])
        request.alias = "ally"
        request.url = "https://ally.example"
        request.public = true
        request.allowUntrusted = true
        request.postQuantum = true
        request.dryRun = true
        request.localOnly = true
        request.decision = "commit"
        request.purpose = "why"
        request.use = 3
        request.scheme = .rsaPssSha384
        request.redemption = "bafyother"
        return request
    }

    @Test(
        "each operation of agent.proto is recorded under its name, with the fields of the request that decide what it does"
    )
    func recordsOfRequests() throws {
        let watched = try Watched()
        defer { watched.agent.stop() }
        #expect(Set(AgentOperation.allCases).isSubset(of: Self.facts.keys))
        for (operation, facts) in Self.facts {
            var request = Self.withAllFields(operation)
            // It is refused before anything is done.
            request.version = 2
            #expect(try watched.client.refusal(request).code == .invalidArgument, "\(operation)")
            let (record, isSynced) = try watched.lastRecord()
            #expect(record["op"] as? String == facts.name)
            #expect(record["subject"] as? String == "subject", "\(operation)")
            #expect(record["detail"] as? String == facts.detail, "\(operation)")
            #expect(!isSynced, "\(operation)")
        }
    }

    @Test(
        "the agent explains each permission that the library lists, and knows no other for keys and identities"
    )
    func permissions() throws {
        let agent = try TestAgent()
        defer { agent.stop() }
        let refused = try agent.client().refusal(.explainPolicy(subject: "k", permission: "dance"))
        let known = refused.message.components(separatedBy: "there are ").last ?? ""
        let everybodys = ["publish", "random"]
        #expect(Set(known.components(separatedBy: ", ")) == Set(AgentRequest.permissions + everybodys), "\(refused)")
    }

    @Test(
        "each operation that changes or releases something has its record on the disk before its answer, and no other has"
    )
    func recordsOnTheDisk() throws {
        let watched = try Watched()
        defer { watched.agent.stop() }
        var asked: Set<AgentOperation> = [.unspecified, .UNRECOGNIZED(1999)]

        /// - Parameter told: what the record is to say of the answer.
        @discardableResult
        func ask(
            _ request: AgentRequest, detail: String? = nil, result: String = "OK", synced: Bool? = nil,
            told: (AgentResponse) -> String? = { _ in nil }
        ) throws -> AgentResponse {
            let answer: AgentResponse
            do {
                answer = try watched.client.call(request)
            } catch let error as DTAError where result != "OK" {
                answer = AgentResponse(id: 0, error: error)
            }
            let facts = try #require(Self.facts[request.operation])
            let (record, isSynced) = try watched.lastRecord()
            #expect(record["op"] as? String == facts.name)
            #expect(record["result"] as? String == result, "\(facts.name)")
            let details = [detail, told(answer)].compactMap { $0 }
            #expect(
                record["detail"] as? String == (details.isEmpty ? nil : details.joined(separator: " ")), "\(facts.name)"
            )
            #expect(isSynced == synced ?? facts.isSynced, "\(facts.name)")
            asked.insert(request.operation)
            return answer
        }
        /// About an order.
        @discardableResult
        func act(_ request: AgentRequest, detail: String? = nil) throws -> AgentResponse {
            try ask(request, detail: detail) { answer in
                let parts = answer.parts.prefix(3).map { " part=\($0.kind):\($0.cid)" }.joined()
                return "order=\(answer.orders.first?.reference ?? "")\(parts)"
            }
        }

        try ask(.status())
        // Keys.
        try ask(.createKey("signer", type: .p256))
        try ask(.createKey("maker", type: .hmacSha256))
        try ask(.createKey("cipher", type: .aes256))
        try ask(.list(.keyList))
        try ask(.showKey("signer"))
        let signature = try ask(.sign(key: "signer", message: [1])).data
        #expect(try ask(.verify(key: "signer", message: [1], signature: signature)).valid)
        try ask(.mac(key: "maker", message: [1]))
        let sealed = try ask(.encrypt(key: "cipher", plaintext: [1])).data
        try ask(.decrypt(key: "cipher", sealed: sealed))
        try ask(.createKey("agreeing", type: .p256Ecdh))
        try ask(.agree(key: "agreeing", peer: P256.KeyAgreement.PrivateKey().publicKey.x963Representation))
        try ask(.random(8))
        try ask(.deleteKey("maker"))
        try ask(.list(.keyViews))
        try ask(.identifyKey("signer", id: [1]))
        let half = try watched.client.call(.showKey("signer")).keys[0].publicKey
        try ask(.addCertificate(half, to: "signer"), detail: "decision=add")
        try ask(.removeCertificate(half, from: "signer"), detail: "decision=remove")
        let nonce = [UInt8](repeating: 1, count: 32)
        let begun = try ask(.beginKeyImport("old", type: .aes256, nonce: nonce))
        let wrapped = try KeyWrapping(.aes256, owner: geteuid(), object: TestSupport.bytes(begun.cursor))
            .wrap(TransportedKey(.aes256, Secret.random(count: 32)), to: Array(begun.data.prefix(KeyWrapping.keySize)))
        try ask(.importKey("old", type: .aes256, object: begun.cursor, wrapped: wrapped))
        // Its later records say where it comes from.
        try ask(.showKey("old"), detail: "imported")
        let kept = try ask(.encrypt(key: "old", plaintext: [1]), detail: "imported").data
        try ask(.decrypt(key: "old", sealed: kept), detail: "imported")
        try ask(.deleteKey("old"), detail: "imported")
        try ask(.refuseKeyImport("old", why: "encrypted"), detail: "why=encrypted", result: "INVALID_ARGUMENT")
        try ask(AgentRequest(.keyUnnamed))
        try ask(.explainPolicy(subject: "signer", permission: "sign"))
        try ask(.explainPolicy(subject: "signer", permission: "sign", uid: 1))
        // The log.
        try ask(.list(.auditList))
        try ask(.verifyAudit())
        try ask(.archiveAudit())
        try ask(.acceptAudit(), result: "FAILED_PRECONDITION")
        // Identities.
        let offline = Curve25519.Signing.PrivateKey()
        let raw = offline.publicKey.rawRepresentation
        for name in ["alice", "bank", "heir", "judge", "old"] {
            try ask(.createIdentity(name, recovery: name == "old" ? Array(SHA256.hash(data: raw)) : []))
        }
        try ask(.list(.identityList))
        try ask(.identityHistory("judge"))
        let bank = try ask(.showIdentity("bank")).cid
        try ask(.rotateIdentity("old"))
        let draft = try ask(.recoverIdentity("old", as: "old"))
        let message = try SignedBytes.make(
            context: SignedBytes.identity, hash: Identity(encoded: [UInt8](draft.data)).hash)
        let old = try ask(.finishRecovery(draft.cursor, key: raw, signature: offline.signature(for: message))).cid
        try ask(.distrustIdentity("old"), detail: "identity=\(old)")
        try ask(.trustIdentity("old"), detail: "identity=\(old)")
        try ask(.revokeIdentity("old"), detail: "identity=\(old)")
        // Envelopes and blocks.
        let envelope = try ask(.sealEnvelope(from: "alice", to: ["bank"], plaintext: [1])).cid
        try ask(.openEnvelope(envelope), detail: "as=\(bank)")
        try ask(
            .openEnvelope(envelope, as: "bank", allowUntrusted: true),
            detail: "allow_untrusted asked_as=bank as=\(bank)")
        try ask(.openEnvelope(envelope, as: "heir"), detail: "asked_as=heir", result: "PERMISSION_DENIED", synced: true)
        let body = try ask(.draftEnvelope(.init(from: "alice", to: []))).cursor
        try ask(.envelopeChunk(draft: body, index: 0, block: Data([1, 2, 3])))
        let open = try ask(.finishEnvelope(draft: body, blocks: 1)).cid
        try ask(.openEnvelope(open), detail: "public")
        try ask(.abandonEnvelope(draft: ask(.draftEnvelope(.init(from: "alice", to: ["bank"]))).cursor))
        try ask(.envelopeThread(envelope))
        let block = try ask(.putBlock([1])).cid
        try ask(.getBlock(block))
        try ask(.list(.ledgerList))
        try ask(AgentRequest(.ledgerStatus))
        try ask(.collectGarbage(dryRun: true), result: "FAILED_PRECONDITION")

        // Orders.
        let order = try act(
            newOrder {
                $0.beneficiary = "heir"
                $0.redeemers = ["heir"]
                $0.approvers = ["judge"]
                $0.approvals = 1
            }
        ).cid(of: "order")
        try ask(.redeemOrder("aaaaaaaa"), result: "NOT_FOUND", synced: false)
        try act(.fulfilOrder(order))
        let redemption = try act(.redeemOrder(order, as: "heir")).cid(of: "redemption")
        try act(
            .decideOnOrder(order, decision: "approve", redemption: redemption),
            detail: "decision=approve redemption=\(redemption)")
        let release = try act(.fulfilOrder(order, decision: "release"), detail: "decision=release").cid(of: "release")
        try act(.receiveOrderPart(release))
        try ask(.orderResult(order))
        try ask(.listOrders())
        try ask(.showOrder(order))
        try ask(.orderParts(after: order))
        try act(.destroyOrder(order))
        let safe = try act(newOrder { $0.type = "safeguard-secret" }).cid(of: "order")
        try act(.fulfilOrder(safe))
        try act(.depositForOrder(safe, secret: [1]))
        try ask(.orderEpochs())
        try ask(.orderEpochs(decision: "renew"), detail: "decision=renew")
        try ask(AgentRequest(.pluginList))
        // Wallets.
        try ask(.publishWalletShares("heir", count: 1))
        try ask(.list(.walletListShares))
        let wallet = try act(newOrder { $0.type = "bitcoin-wallet" }).cid(of: "order")
        try act(.fulfilOrder(wallet))
        try act(.redeemOrder(wallet))
        try act(.fulfilOrder(wallet))
        try ask(.exportWallet(wallet))
        try ask(AgentRequest(.sshList))
        try ask(.arrangeSSHKey("signer", decision: "hide"), detail: "decision=hide")
        try ask(.constrainSSHKey("signer", destinations: []))
        try ask(
            .sshCertificate("signer", decision: "remove", certificate: []), detail: "decision=remove")
        try ask(.confirmSSHKey("signer", decision: "none"), detail: "decision=none")
        try ask(.nextQuestion())
        try ask(.answerQuestion("00", yes: true), detail: "decision=yes", result: "NOT_FOUND")
        #expect(asked == Set(Self.facts.keys))
    }
}
