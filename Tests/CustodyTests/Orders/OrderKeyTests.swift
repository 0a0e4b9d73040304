import CustodyProtocol
import DTAFormats
import DTASystem
import Foundation
import TestSupport
import Testing

/// dtad-hsm as a front that was taken over would drive it: it wants what a victim's key signs, under terms of its own.
@Suite("The key of an order is used for that order alone", .ownThread)
struct OrderKeyTests {
    let host: OrderHost
    let mallory: Remote

    init() throws {
        host = try OrderHost()
        mallory = try Remote("mallory")
    }

    private var documents: [[UInt8]] { host.documents + [mallory.document.block] }

    /// An order of mallory's, by which she alone may have signed what she likes.
    private func planted(_ type: KeyType = .ed25519) throws -> OrderHost.Taken {
        try host.takeSign(
            host.terms(redeemers: [mallory], recipient: mallory, maxUses: 9, principal: mallory.cid), type, by: mallory)
    }

    private func signature(_ envelope: Envelope, for recipient: Remote) throws -> [UInt8] {
        try #require(host.read(envelope, as: recipient).result[OrderKind.signature]?.bytes)
    }

    @Test("an order whose key was deleted does not sign with the key that a later order gets")
    func planting() throws {
        let bait = try planted()
        let asked = try host.askToSign(bait, by: mallory)
        _ = try host.sign(bait, asked, documents: documents)
        try host.custody.ask(DeleteObject(objectClass: .order, id: host.object(of: bait)))
        let victim = try host.takeSign(host.terms(approvals: 1))
        #expect(try host.object(of: victim) != host.object(of: bait))
        for connection in [host.custody, try HSMProcess(host.token).connect()] {
            host.refused(.notFound) { try host.sign(bait, asked, documents: documents, by: connection) }
            // Nor under the victim's name.
            host.refused(.dataLoss) {
                try connection.ask(
                    SignForOrder(
                        RedemptionRequest(
                            fiduciary: host.fiduciary.recipientKey, sealed: bait.sealed, order: victim.part1.cid,
                            redemption: SignedBlock(asked.block), approvals: [],
                            documents: documents.map(SignedBlock.init), received: OrderHost.now)))
            }
        }
    }

    @Test("the front chooses no id of an order's key: not for that key, and not for another one's in its place")
    func ids() throws {
        let order = try Order(
            kind: OrderKind.sign, terms: host.terms(), fields: OrderFields([OrderKind.algorithm: .text("ed25519")]))
        let part1 = try host.part1(order)
        let id = try ObjectID(OrderKeyID.bytes(owner: host.fiduciary.owner.uid, order: part1.cid))
        host.refused(.permissionDenied) {
            try host.custody.ask(GenerateKey(type: .ed25519, owner: host.fiduciary.owner, id: id))
        }
        host.refused(.permissionDenied) {
            try host.custody.ask(CreateIdentity(owner: host.fiduciary.owner, signing: id, kem: .random()))
        }
        host.refused(.permissionDenied) {
            try host.custody.ask(CreateIdentity(owner: host.fiduciary.owner, signing: .random(), kem: id))
        }
        let taken = try host.makeKey(order, part1)
        #expect(
            try host.custody.ask(ListObjects(objectClass: .order)) == [
                TokenObject(objectClass: .order, owner: host.fiduciary.owner, id: id)
            ])
        // A second time it makes none: the first one's commitment would stand behind nothing.
        host.refused(.failedPrecondition) { try host.makeKey(order, part1) }
        _ = try host.sign(taken, host.askToSign(taken))
        // Another owner's key of the same order has another id.
        #expect(id.bytes != OrderKeyID.bytes(owner: 1, order: part1.cid))
        #expect(id.bytes.count == 16 && id.bytes.starts(with: OrderKeyID.prefix))
    }

    @Test(
        "an order's key that was made anew does not sign for the one before",
        arguments: [KeyType.ed25519, .p256, .p384, .secp256k1])
    func madeAnew(type: KeyType) throws {
        let first = try host.takeSign(nil, type)
        let asked = try host.askToSign(first)
        let other = try HSMProcess(host.token).connect()
        _ = try host.sign(first, asked, by: other)
        try host.custody.ask(DeleteObject(objectClass: .order, id: host.object(of: first)))
        let second = try host.makeKey(first.order, first.part1)
        #expect(first.publicKey != second.publicKey)
        host.refused(.dataLoss, "the old blob") { try host.sign(first, asked) }
        // This process had a copy of the first key: what it signs with that is seen to be wrong, and it looks again.
        let key = try PublicKey(#require(first.order.algorithm), raw: second.publicKey)
        let signed = try signature(host.sign(second, asked, by: other), for: host.beneficiary)
        let input = OrderHost.input(for: second)
        #expect(
            try type == .ed25519
                ? key.isValid(signature: signed, message: input) : key.isValid(signature: signed, digest: input))
    }

    @Test("without its public object on the token the key of an order signs as before")
    func publicObject() throws {
        let taken = try host.takeSign()
        let id = try host.object(of: taken)
        let deleted = try host.token.pkcs11Tool(["--delete-object", "--type", "pubkey", "--id", hex(id.bytes)])
        #expect(deleted.status == 0, "\(deleted.errors)")
        let signed = try signature(
            host.sign(taken, host.askToSign(taken), by: HSMProcess(host.token).connect()), for: host.beneficiary)
        #expect(
            try PublicKey(.ed25519, raw: taken.publicKey).isValid(
                signature: signed, message: [UInt8](repeating: 7, count: 32)))
    }

    // MARK: What earlier releases sealed

    @Test("a blob that names an id and no key signs nothing, says which command helps, and is never bound by resealing")
    func unbound() throws {
        let taken = try host.takeSign()
        let old = try host.firstBlob(taken, object: host.object(of: taken))
        let asked = try host.askToSign(taken)
        func refused(_ blob: [UInt8]) {
            do {
                _ = try host.sign(taken, asked, sealed: blob)
                Issue.record("an unbound key signed")
            } catch {
                let error = DTAError(error)
                #expect(
                    error.code == .failedPrecondition && error.hint.contains("binds it"), "\(error)")
            }
        }
        refused(old)
        try host.custody.ask(NewEpoch(number: 2))
        let resealed = try host.custody.ask(
            ResealOrder(
                sealed: old, order: taken.part1.cid, owner: host.fiduciary.owner, epoch: 2))
        #expect(resealed.prefix(5) == [1, 0, 0, 0, 2])
        refused(resealed)
        let tool = try SealingTool()
        let plaintext = try tool.open(
            resealed, "epoch", aad: host.binding(taken, "dta/epoch/1", epoch: 2), at: .init(host.token))
        #expect(
            try plaintext == [UInt8](repeating: 0, count: 32)
                + DAGCBOR.encode(.map(host.firstFields(taken, object: host.object(of: taken)))))
        // A new one stays new, and signs.
        let new = try host.custody.ask(
            ResealOrder(
                sealed: taken.sealed, order: taken.part1.cid, owner: host.fiduciary.owner, epoch: 2))
        #expect(new.prefix(5) == [2, 0, 0, 0, 2])
        _ = try host.sign(taken, asked, sealed: new)
    }

    @Test("a seed that an earlier release sealed is released as before, and stays so when it is sealed again")
    func oldSeeds() throws {
        let taken = try host.take()
        let seed = Secp256k1Scalar.generate().withUnsafeBytes { Array($0) }
        let old = try host.firstBlob(taken, object: nil, seed: seed)
        try host.custody.ask(NewEpoch(number: 2))
        let resealed = try host.custody.ask(
            ResealOrder(
                sealed: old, order: taken.part1.cid, owner: host.fiduciary.owner, epoch: 2))
        for blob in [old, resealed] {
            let released = try host.read(
                host.release(taken, host.redeem(taken).block, sealed: blob), as: host.beneficiary)
            #expect(released.result[OrderKind.secret]?.bytes == seed)
        }
        #expect(resealed.first == 1)
    }

    @Test("a blob that is sealed now does not open as one that an earlier release sealed, nor the other way round")
    func domains() throws {
        let taken = try host.takeSign()
        let seed = try host.take()
        #expect(taken.sealed.first == 2 && seed.sealed.first == 2)
        let asked = try host.askToSign(taken)
        // An earlier release would open it in its own domain, whose mark is the version.
        host.refused(.dataLoss) { try host.sign(taken, asked, sealed: [1] + taken.sealed.dropFirst()) }
        host.refused(.dataLoss) {
            try host.release(seed, host.redeem(seed).block, sealed: [1] + seed.sealed.dropFirst())
        }
        let old = try host.firstBlob(taken, object: host.object(of: taken))
        for version: UInt8 in [0, 2, 3] {
            host.refused(.dataLoss) { try host.sign(taken, asked, sealed: [version] + old.dropFirst()) }
            host.refused(.dataLoss) {
                try host.custody.ask(
                    ResealOrder(
                        sealed: [version] + old.dropFirst(), order: taken.part1.cid, owner: host.fiduciary.owner,
                        epoch: 1))
            }
        }
        let tool = try SealingTool()
        #expect(throws: TestFailure.self) {
            try tool.open(taken.sealed, "epoch", aad: host.binding(taken, "dta/epoch/1"), at: .init(host.token))
        }
    }

    @Test("a blob with a field, a condition or a use that this dtad-hsm does not know is refused")
    func strictness() throws {
        let taken = try host.takeSign()
        let tool = try SealingTool()
        let aad = try host.binding(taken, "dta/epoch/2")
        let plaintext = try tool.open(taken.sealed, "epoch", aad: aad, at: .init(host.token))
        guard case .map(let map) = try DAGCBOR.decode(Array(plaintext.dropFirst(32))) else { return }
        #expect(
            map.entries.map(\.key).sorted()
                == ["by", "conditions", "object", "order", "spki", "thread", "use"])
        #expect(map["spki"] == .bytes(try PublicKey(.ed25519, raw: taken.publicKey).spkiDER))
        let asked = try host.askToSign(taken)
        func sealed(_ map: DAGCBOR.Map) throws -> [UInt8] {
            try tool.seal(
                plaintext.prefix(32) + DAGCBOR.encode(.map(map)), version: 2, "epoch", aad: aad, at: .init(host.token))
        }
        _ = try host.sign(taken, asked, sealed: sealed(map))
        let other = try PublicKey(.p256, raw: host.takeSign(nil, .p256).publicKey).spkiDER
        let changes: [(String, DAGCBOR.Value?)] = [
            ("uses", .unsigned(1)), ("conditions", .map(["delay": .unsigned(60)])), ("conditions", nil),
            ("conditions", .list([])), ("use", .text("release")), ("use", .text("sign twice")), ("use", nil),
            ("spki", nil), ("spki", .text("x")), ("spki", .bytes([1])), ("spki", .bytes(other)), ("object", nil),
            ("object", .bytes([1])), ("thread", .bytes([1])), ("by", nil), ("order", .bytes([])),
        ]
        for (field, value) in changes {
            var changed = map
            changed[field] = value
            do {
                _ = try host.sign(taken, asked, sealed: sealed(changed))
                Issue.record("\(field) \(String(describing: value)) was taken")
            } catch {
                #expect([.dataLoss, .invalidArgument].contains(DTAError(error).code), "\(field): \(error)")
            }
        }
        #expect(!host.custody.isBroken)
    }
}
