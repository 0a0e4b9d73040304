import Testing

@testable import DTAFormats

@Suite("Verification without an agent")
struct VerificationTests {
    /// A thread of three envelopes between two people, and all blocks of it.
    struct Thread {
        let alice: Person
        let bob: Person
        let envelopes: [SignedEnvelope]
        var blocks: [CID: [UInt8]] = [:]

        init() throws {
            alice = try Person("alice")
            bob = try Person("bob", p256: true)
            let first = try alice.seal("a question", to: [bob])
            let second = try bob.seal("an answer", to: [alice, bob], answering: first)
            let third = try alice.seal("thanks", to: [bob], answering: second)
            envelopes = [first, second, third]
            for person in [alice, bob] { blocks[person.cid] = person.document.block }
            for envelope in envelopes { blocks[envelope.cid] = envelope.block }
        }

        func collected() throws -> CollectedDocuments {
            var documents = CollectedDocuments()
            for (cid, bytes) in blocks { documents.add(try ContentBlock(bytes, named: cid)) }
            return documents
        }

        func verify(_ cid: CID) throws -> EnvelopeFinding {
            var verifier = EnvelopeVerifier(blocks, known: try collected().known)
            return try verifier.verify(cid)
        }
    }

    @Test("a thread whose blocks are all there is sound, envelope by envelope")
    func sound() throws {
        let thread = try Thread()
        for envelope in thread.envelopes {
            let finding = try thread.verify(envelope.cid)
            #expect(finding.verdict == .sound, "\(finding.problems) \(finding.missing)")
            #expect(finding.signature == .valid)
            #expect(finding.standing == .current)
            #expect(finding.sender?.cid == envelope.envelope.header.from)
            #expect(Set(finding.recipientDocuments.keys) == Set(finding.recipients))
        }
    }

    @Test("a block that is not there is missing, not bad, and told by its part and name")
    func missing() throws {
        let thread = try Thread()
        let second = thread.envelopes[1]
        for (gone, part) in [
            (second.cid, EnvelopeFinding.Missing.Part.envelope), (thread.bob.cid, .sender),
            (thread.alice.cid, .recipient),
            (thread.envelopes[0].cid, .previous),
        ] {
            var partial = thread
            partial.blocks[gone] = nil
            let finding = try partial.verify(second.cid)
            #expect(finding.verdict == .incomplete)
            #expect(finding.missing.contains(.init(part: part, cid: gone)))
            #expect((finding.signature == .valid) == (part == .recipient || part == .previous))
        }
    }

    @Test("an envelope whose signature is another's is bad")
    func forged() throws {
        let thread = try Thread()
        let mallory = try Person("mallory")
        // Says that it is from alice, and is signed by mallory.
        let envelope = try EnvelopeSealer.publish(
            Array("pay".utf8), content: "text/plain", from: thread.alice.cid, created: 1_760_000_300)
        let signature = try mallory.sign(SignedBytes.envelope, envelope.innerHash)
        let block = try SignedEnvelope.encode(envelope, [DocumentSignature(role: .own, signature: signature)])
        let forged = try SignedEnvelope(block: block)
        var with = thread
        with.blocks[forged.cid] = forged.block
        let finding = try with.verify(forged.cid)
        #expect(finding.verdict == .bad && finding.signature == .invalid)
        #expect(finding.problems.count == 1 && finding.problems[0].contains("signature"))
    }

    @Test("an envelope that answers one of another thread, or no envelope, is bad")
    func otherThread() throws {
        let thread = try Thread()
        let other = try thread.bob.seal("elsewhere", to: [thread.alice])
        func answering(_ previous: CID) throws -> SignedEnvelope {
            let header = Envelope.Header(
                from: thread.alice.cid, created: 1_760_000_400, previous: previous,
                thread: thread.envelopes[0].envelope.header.thread, content: "text/plain")
            return try SignedEnvelope(
                signing: Envelope(header: header, sealing: nil, content: .body([1])), sender: thread.alice.document,
                with: thread.alice.sign)
        }
        for (previous, words) in [(other.cid, "another thread"), (thread.bob.cid, "no valid envelope")] {
            let envelope = try answering(previous)
            var with = thread
            with.blocks[other.cid] = other.block
            with.blocks[envelope.cid] = envelope.block
            let finding = try with.verify(envelope.cid)
            #expect(finding.verdict == .bad && finding.signature == .valid)
            #expect(finding.problems.first?.contains(words) == true, "\(finding.problems)")
        }
    }

    @Test("a document under a wrong name is bad, whoever's it is")
    func wrongBytes() throws {
        let thread = try Thread()
        var with = thread
        with.blocks[thread.alice.cid] = thread.bob.document.block
        var verifier = EnvelopeVerifier(with.blocks)
        let finding = try verifier.verify(thread.envelopes[0].cid)
        #expect(finding.verdict == .bad && finding.signature == .unknown)
        #expect(finding.problems.first?.contains("not the one that the CID names") == true)
    }

    @Test("a body in chunks is whole if all of its blocks are there in their lengths, and no other way")
    func chunks() throws {
        let thread = try Thread()
        let plan = try ChunkPlan(size: 2 * ChunkPlan.blockContent + 5, isSealed: false)
        let blocks = (0..<3).map { index in
            ContentBlock(hashing: [UInt8](repeating: UInt8(index), count: plan.blockSize(index)), codec: .raw)
        }
        func envelope(_ blocks: [ContentBlock]) throws -> SignedEnvelope {
            let parts = try EnvelopeSealer.beginPublic(
                content: "text/plain", from: thread.alice.cid, created: 1_760_000_500
            ).finish(plan, blocks: blocks.map(\.cid))
            return try SignedEnvelope(signing: parts.envelope, sender: thread.alice.document, with: thread.alice.sign)
        }
        func verify(_ signed: SignedEnvelope, _ blocks: [ContentBlock]) throws -> EnvelopeFinding {
            var with = thread
            with.blocks[signed.cid] = signed.block
            for block in blocks { with.blocks[block.cid] = block.bytes }
            return try with.verify(signed.cid)
        }
        let whole = try envelope(blocks)
        #expect(try verify(whole, blocks).verdict == .sound)
        let lacking = try verify(whole, [blocks[0], blocks[2]])
        #expect(lacking.verdict == .incomplete && lacking.missing == [.init(part: .chunk, cid: blocks[1].cid)])
        #expect(lacking.missingCount == 1)
        let turned = [blocks[2], blocks[1], blocks[0]]
        #expect(try verify(envelope(turned), turned).verdict == .bad)
        let long = ContentBlock(hashing: blocks[2].bytes + [0], codec: .raw)
        let extended = [blocks[0], blocks[1], long]
        #expect(try verify(envelope(extended), extended).verdict == .bad)
    }

    @Test("more recipients than an envelope lists are found in their lists; a list that is not there is missing")
    func pages() throws {
        let thread = try Thread()
        // The same keys under many names: a document is cheap to make and to verify so.
        let people = try (0..<Envelope.listedRecipients + 1).map { index in
            try Person(
                "reader \(index)", signing: thread.alice.signing, mlkemSeed: thread.alice.mlkemSeed,
                x25519: thread.alice.x25519)
        }
        let (draft, keys) = try EnvelopeSealer.begin(
            content: "text/plain", from: thread.alice.cid, to: people.map(\.document), created: 1_760_000_600)
        let parts = try draft.finish(Array("to all".utf8), keys: keys)
        let signed = try SignedEnvelope(
            signing: parts.envelope, sender: thread.alice.document, with: thread.alice.sign)
        var with = thread
        with.blocks[signed.cid] = signed.block
        for person in people { with.blocks[person.cid] = person.document.block }
        for block in parts.blocks { with.blocks[block.cid] = block.bytes }
        let finding = try with.verify(signed.cid)
        #expect(finding.verdict == .sound && finding.recipients.count == people.count)
        for page in parts.blocks {
            var partial = with
            partial.blocks[page.cid] = nil
            let finding = try partial.verify(signed.cid)
            #expect(finding.verdict == .incomplete && finding.missing == [.init(part: .list, cid: page.cid)])
        }
    }

    @Test("the sender's standing is told by the rotations and revocations that are there")
    func standing() throws {
        var thread = try Thread()
        let revocation = try SignedRevocation(
            revoking: thread.alice.document, at: 1_760_000_700, by: .previous(sign: thread.alice.sign))
        thread.blocks[revocation.cid] = revocation.block
        let finding = try thread.verify(thread.envelopes[0].cid)
        // What was signed before it was revoked is signed all the same.
        #expect(finding.verdict == .sound && finding.standing == .revoked)
        #expect(try thread.verify(thread.envelopes[1].cid).standing == .current)
    }

    @Test("blocks of a thread are told apart by what they claim to be, and false claims are told")
    func collected() throws {
        let thread = try Thread()
        var documents = try thread.collected()
        #expect(documents.envelopes.count == 3 && documents.identities.count == 2 && documents.broken.isEmpty)
        let raw = ContentBlock(hashing: thread.alice.document.block, codec: .raw)
        #expect(documents.add(raw) == .block)
        for (name, kind) in [("identity", DocumentKind.identity), ("envelope", .envelope), ("revocation", .revocation)]
        {
            let block = try DAGCBOR.encode(.map([name: .map([:]), "signatures": .list([])]))
            #expect(documents.add(ContentBlock(hashing: block, codec: .dagCBOR)) == kind)
            #expect(documents.broken.last?.kind == kind)
        }
        let list = try DAGCBOR.encode(.map(["a": .null, "signatures": .null]))
        #expect(documents.add(ContentBlock(hashing: list, codec: .dagCBOR)) == .block)
        #expect(documents.broken.count == 3 && documents.count == 10)
    }
}
