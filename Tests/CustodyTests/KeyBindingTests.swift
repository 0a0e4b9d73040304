import CustodyProtocol
import DTAFormats
import DTASystem
import Foundation
import TestSupport
import Testing

/// `dtad-hsm --bind-order-keys` with what an earlier release left behind, and with what a front that was taken over planted
/// for it.
@Suite("Binding keys that an earlier release sealed by their ids", .ownThread)
struct KeyBindingTests {
    let host: OrderHost
    let mallory: Remote

    init() throws {
        host = try OrderHost()
        mallory = try Remote("mallory")
        // The same token, in another place for its locks: the test's own dtad-hsm keeps serving.
        let text = try String(contentsOfFile: host.token.configuration, encoding: .utf8)
        try host.token.directory.write("bind.yaml", text + "  lock_file: \(host.token.directory.file("bind.lock"))\n")
    }

    /// A file that has the identities of this host and these orders.
    private func keys(
        _ orders: [(OrderHost.Taken, blob: [UInt8])], _ identities: [UnboundKeys.Identity] = []
    ) -> UnboundKeys {
        var keys = UnboundKeys()
        let fiduciary = host.fiduciary
        keys.identities =
            [
                UnboundKeys.Identity(
                    recipient: fiduciary.recipientKey, signing: fiduciary.signing, document: fiduciary.document.block,
                    postQuantum: nil)
            ] + identities
        keys.orders = orders.map {
            UnboundKeys.OrderKey(order: $0.0.part1.cid.bytes, owner: fiduciary.owner, sealed: $0.blob)
        }
        return keys
    }

    /// What a principal's copy of an order is, with another part 2 in the place of its own.
    private func archive(_ taken: OrderHost.Taken, _ part2: SignedEnvelope? = nil) throws -> String {
        var bytes: [UInt8] = []
        var writer = try CARWriter(roots: [taken.part1.cid]) { bytes += $0 }
        let people = [host.principal, host.beneficiary, mallory].map(\.document.block)
        for block in [taken.part1.block, (part2 ?? taken.part2).block, host.fiduciary.document.block] + people {
            try writer.append(ContentBlock(hashing: block, codec: .dagCBOR))
        }
        return try host.token.directory.write("\(UUID()).car", bytes)
    }

    /// Part 2 of an order as a captured front signs it: it names whatever key it likes.
    private func lie(_ taken: OrderHost.Taken, about publicKey: [UInt8]) throws -> SignedEnvelope {
        let commitment = try OrderCommitment(
            order: taken.part1.cid, kind: OrderKind.sign, terms: taken.order.terms, publicKey: publicKey, proof: [])
        return try host.fiduciary.part(
            host.custody, .commitment, commitment.encoded(), to: [host.fiduciary.document, mallory.document],
            answering: taken.part1)
    }

    private func bind(
        _ keys: UnboundKeys, _ archives: [String], configuration: String = "bind.yaml"
    ) throws -> (bound: [BoundKeys.Binding], said: Finished) {
        let directory = host.token.directory
        let (input, output) = (try directory.write("\(UUID())", keys.encoded), directory.file("\(UUID())"))
        let said = try run(
            Binary.path("dtad-hsm"),
            ["--bind-order-keys", "--config", directory.file(configuration), "--input", input, "--output", output]
                + archives)
        let bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: output)))
        return (bytes.isEmpty ? [] : try BoundKeys(bytes).bindings, said)
    }

    /// The order as this host committed itself to it, so that the fiduciary can read part 2 as well.
    private func take(_ type: KeyType = .ed25519, by principal: Remote? = nil) throws -> OrderHost.Taken {
        let terms =
            try principal.map {
                try host.terms(redeemers: [$0], recipient: $0, maxUses: 9, principal: $0.cid)
            } ?? host.terms(maxUses: 9)
        let taken = try host.takeSign(terms, type, by: principal)
        let part2 = try host.fiduciary.part(
            host.custody, .commitment,
            OrderCommitment(
                order: taken.part1.cid, kind: OrderKind.sign, terms: terms, publicKey: taken.publicKey, proof: []
            ).encoded(),
            to: [host.fiduciary.document, (principal ?? host.principal).document, host.beneficiary.document],
            answering: taken.part1)
        return OrderHost.Taken(
            order: taken.order, part1: taken.part1, part2: part2, sealed: taken.sealed, publicKey: taken.publicKey,
            proof: [])
    }

    private var documents: [[UInt8]] { host.documents + [mallory.document.block] }

    @Test(
        "a key is bound to the order whose principal was told of it, and signs for it then",
        arguments: [KeyType.ed25519, .p256, .p384, .secp256k1])
    func bound(type: KeyType) throws {
        let taken = try take(type)
        let old = try host.firstBlob(taken, object: host.object(of: taken))
        host.refused(.failedPrecondition) { try host.sign(taken, host.askToSign(taken), sealed: old) }
        let (bound, said) = try bind(keys([(taken, old)]), [archive(taken)])
        #expect(said.status == 0, "\(said.text)\(said.errors)")
        let binding = try #require(bound.first)
        #expect(bound.count == 1 && binding.kind == .order && binding.subject == taken.part1.cid.bytes)
        #expect(binding.old == old && binding.new.prefix(5) == [2, 0, 0, 0, 1])
        #expect(said.text.contains("bound      order \(taken.part1.cid)"))
        _ = try host.sign(taken, host.askToSign(taken), sealed: binding.new)
        // Nothing was made on the token, and nothing is bound twice.
        #expect(try host.custody.ask(ListObjects(objectClass: .order)).count == 1)
        let again = try bind(keys([(taken, binding.new)]), [archive(taken)])
        #expect(again.bound.isEmpty && again.said.status == 0, "\(again.said.text)")
    }

    @Test("without its principal's copy of part 2 no key is bound")
    func withoutCopy() throws {
        let taken = try take()
        let other = try take()
        let old = try host.firstBlob(taken, object: host.object(of: taken))
        for archives in [[], [try archive(other)]] {
            let (bound, said) = try bind(keys([(taken, old)]), archives)
            #expect(bound.isEmpty && said.text.contains("no file has its principal's copy"), "\(said.text)")
        }
    }

    @Test("a planted blob is not bound to the key whose id it names, whatever part 2 it comes with")
    func planted() throws {
        let victim = try take()
        let bait = try take(by: mallory)
        let victims = try host.object(of: victim)
        let old = try host.firstBlob(victim, object: victims)
        let planted = try host.firstBlob(bait, object: victims)
        let lie = try lie(bait, about: victim.publicKey)
        let asked = try host.askToSign(bait, by: mallory)

        // Two orders say that the key is theirs: neither has it.
        let both = try bind(keys([(victim, old), (bait, planted)]), [archive(victim), archive(bait, lie)])
        #expect(both.bound.isEmpty && both.said.status == 1)
        #expect(
            both.said.text.components(separatedBy: "another order names the same key").count == 3, "\(both.said.text)")
        // The victim's principal alone was heard: the blobs still contradict each other.
        let heard = try bind(keys([(victim, old), (bait, planted)]), [archive(victim)])
        #expect(heard.bound.isEmpty && heard.said.status == 1, "\(heard.said.text)")
        // Mallory's own part 2 names her own key, which is not under that id.
        let honest = try bind(keys([(bait, planted)]), [archive(bait)])
        #expect(honest.bound.isEmpty && honest.said.text.contains("is not the one that its principal was told of"))
        // The victim's blob was taken out of the state, and its principal was heard.
        let hidden = try bind(keys([(bait, planted)]), [archive(victim), archive(bait, lie)])
        #expect(hidden.bound.isEmpty && hidden.said.status == 1, "\(hidden.said.text)")
        // The victim's was bound before.
        let first = try bind(keys([(victim, old)]), [archive(victim)])
        let sealed = try #require(first.bound.first).new
        let later = try bind(keys([(victim, sealed), (bait, planted)]), [archive(bait, lie)])
        #expect(later.bound.isEmpty && later.said.status == 1, "\(later.said.text)")
        _ = try host.sign(victim, host.askToSign(victim), sealed: sealed)
        host.refused(.failedPrecondition) { try host.sign(bait, asked, sealed: planted, documents: documents) }
    }

    @Test("a part 2 that another signed, of other terms, or beside a second one binds nothing")
    func forged() throws {
        let taken = try take()
        let old = try host.firstBlob(taken, object: host.object(of: taken))
        let commitment = try OrderCommitment(
            order: taken.part1.cid, kind: OrderKind.sign, terms: taken.order.terms, publicKey: taken.publicKey,
            proof: [])
        let stranger = try mallory.part(
            .commitment, commitment.encoded(), to: [host.fiduciary.document], answering: taken.part1)
        let terms = try host.terms(maxUses: 8)
        let otherTerms = try host.fiduciary.part(
            host.custody, .commitment,
            OrderCommitment(
                order: taken.part1.cid, kind: OrderKind.sign, terms: terms, publicKey: taken.publicKey, proof: []
            ).encoded(), to: [host.fiduciary.document], answering: taken.part1)
        for part2 in [stranger, otherTerms] {
            let (bound, said) = try bind(keys([(taken, old)]), [archive(taken, part2)])
            #expect(bound.isEmpty && said.status == 1, "\(said.text)")
        }
        let second = try archive(taken, lie(taken, about: take().publicKey))
        let (bound, said) = try bind(keys([(taken, old)]), [archive(taken), second])
        #expect(bound.isEmpty && said.text.contains("commitments of it to different keys"), "\(said.text)")
        // A key that was made anew under the id.
        try host.custody.ask(DeleteObject(objectClass: .order, id: host.object(of: taken)))
        _ = try host.makeKey(taken.order, taken.part1)
        let anew = try bind(keys([(taken, old)]), [archive(taken)])
        #expect(anew.bound.isEmpty && anew.said.status == 1, "\(anew.said.text)")
    }

    // MARK: Identities

    private func held(_ identity: HeldIdentity, _ key: PostQuantumKey, _ document: SignedIdentity)
        -> UnboundKeys.Identity
    {
        UnboundKeys.Identity(
            recipient: RecipientKey(
                kem: identity.kem, owner: identity.owner, publicKEM: identity.keys.kem,
                sealedSeed: identity.keys.sealedSeed, cid: document.cid),
            signing: identity.signing, document: document.block, postQuantum: key)
    }

    /// The document that both keys of an identity have signed.
    private func document(
        _ identity: HeldIdentity, _ seed: FirstSeed, by signing: ObjectID? = nil
    ) throws -> SignedIdentity {
        let unsigned = try Identity(
            name: "alice", created: 1_700_000_000, signing: identity.document.identity.signing, kem: identity.keys.kem,
            pq: seed.key.publicKey)
        return try SignedIdentity(signing: unsigned) {
            try host.custody.ask(SignDocument(id: signing ?? identity.signing, context: $0, hash: $1))
        } postQuantum: {
            Array(try seed.secret.signature(for: SignedBytes.make(context: $0, hash: $1)))
        }
    }

    @Test("a post-quantum key is bound by the document that it and the signing key have signed, and by nothing else")
    func postQuantum() throws {
        let alice = try HeldIdentity(host.custody)
        let seed = try FirstSeed(alice, host.token)
        let document = try document(alice, seed)
        let (bound, said) = try bind(keys([], [held(alice, seed.key, document)]), [])
        #expect(said.status == 0, "\(said.text)\(said.errors)")
        let binding = try #require(bound.first)
        #expect(binding.kind == .identity && binding.subject == document.cid.bytes && binding.new.first == 2)
        let key = PostQuantumKey(publicKey: seed.key.publicKey, sealedSeed: binding.new)
        let hash = [UInt8](repeating: 3, count: 32)
        let signature = try host.custody.ask(
            SignPostQuantum(
                signing: alice.signing, key: key, context: SignedBytes.envelope, hash: hash))
        #expect(
            try seed.secret.publicKey.isValidSignature(
                signature, for: SignedBytes.make(context: SignedBytes.envelope, hash: hash)))

        func refused(_ identities: [UnboundKeys.Identity], _ what: String) throws {
            let (bound, said) = try bind(keys([], identities), [])
            #expect(bound.isEmpty && said.status == 1, "\(what): \(said.text)\(said.errors)")
        }
        let other = try HeldIdentity(host.custody, name: "other")
        let others = try FirstSeed(other, host.token)
        try refused([held(alice, seed.key, alice.document)], "a document without a post-quantum key")
        try refused([held(alice, others.key, document)], "another seed")
        try refused([held(other, seed.key, document)], "another signing key")
        var unsigned = held(alice, seed.key, document)
        unsigned.document = document.block.flipped(at: document.block.count - 1)
        try refused([unsigned], "a document that was altered")
        try refused(
            [held(alice, seed.key, document), held(other, seed.key, document)], "two that name the same key")
        // Another key lies under the id by now.
        try host.custody.ask(DeleteObject(objectClass: .identitySigning, id: alice.signing))
        _ = try host.custody.ask(CreateIdentity(owner: alice.owner, signing: alice.signing, kem: .random()))
        try refused([held(alice, seed.key, document)], "a signing key that was made anew")
    }

    // MARK: The command

    @Test(
        "dtad-hsm --bind-order-keys refuses to work beside a dtad-hsm that serves, overwrites nothing, and reads nothing but what it is given"
    )
    func command() throws {
        let taken = try take()
        let old = try host.firstBlob(taken, object: host.object(of: taken))
        let serving = try bind(keys([(taken, old)]), [archive(taken)], configuration: "dtad.yaml")
        #expect(serving.bound.isEmpty && serving.said.status == 1)
        #expect(serving.said.errors.contains("dtad is running"), "\(serving.said.errors)")
        let directory = host.token.directory
        let output = try directory.write("mine", "mine")
        func attempt(_ input: String, _ output: String, _ archives: [String] = []) throws -> Finished {
            try run(
                Binary.path("dtad-hsm"),
                ["--bind-order-keys", "--config", directory.file("bind.yaml"), "--input", input, "--output", output]
                    + archives)
        }
        let input = try directory.write("input", keys([(taken, old)]).encoded)
        #expect(try attempt(input, output).errors.contains("is there already"))
        #expect(try String(contentsOfFile: output, encoding: .utf8) == "mine")
        let pipe = directory.file("pipe")
        mkfifo(pipe, 0o600)
        #expect(try attempt(input, pipe).errors.contains("is a pipe"))
        let fresh = directory.file("fresh")
        for bytes in [[], [1, 2, 3], Array(keys([(taken, old)]).encoded.dropLast(9)), keys([]).encoded + [0]]
            as [[UInt8]]
        {
            let broken = try attempt(directory.write("broken", bytes), fresh)
            #expect(broken.status == 1 && broken.errors.contains("no file of dta/unbound-keys/1"), "\(broken.errors)")
        }
        #expect(try attempt(directory.file("absent"), fresh).errors.contains("absent"))
        let noCAR = try attempt(input, fresh, [directory.write("no.car", "no CAR")])
        #expect(noCAR.status == 1 && noCAR.errors.contains("the principal can write"), "\(noCAR.errors)")
        // What failed left nothing that keeps it from being done again.
        #expect(try attempt(input, fresh, [archive(taken)]).status == 0)
        let usage = try run(Binary.path("dtad-hsm"), ["--bind-order-keys", "--config", "x"])
        #expect(usage.status == 2 && usage.errors.contains("--bind-order-keys --config FILE --input FILE"))
    }
}
