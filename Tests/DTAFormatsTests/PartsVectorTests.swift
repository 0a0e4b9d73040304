import Foundation
import TestSupport
import Testing

@testable import DTAFormats

extension VectorTests {
    @Test("identities of the vectors replace and revoke each other, and stand, as their vector says")
    func line() throws {
        let vector = try VectorFile.line.read(LineVector.self)
        var identities: [String: SignedIdentity] = [:]
        for document in vector.documents {
            let block = try bytes(document.block)
            let cid = try CID(document.cid)
            let authority: Authority?
            if document.kind == "revocation" {
                let revocation = try SignedRevocation(block: block, named: cid)
                authority = try revocation.verify(of: #require(document.of.flatMap { identities[$0] }))
            } else {
                let identity = try SignedIdentity(block: block, named: cid)
                authority = try document.of.flatMap { identities[$0] }.map(identity.verifySuccession)
                identities[document.name] = identity
                #expect(identity.identity.name == document.name)
                #expect((identity.identity.pq != nil) == (vector.keys[document.name]?.pqSeed != nil))
            }
            #expect(authority?.rawValue == document.by?.last, "\(document.name)")
        }
        for judgement in vector.judgements {
            let known = vector.documents.filter { judgement.known.contains($0.name) }
            #expect(try LineVector.standings(known) == judgement.standings)
        }
        let all = try #require(vector.judgements.last?.standings)
        #expect(all["alice-1"] == "rotated alice-3" && all["paul-2"] == "revoked")
        #expect(vector.judgements[1].standings["kim-2"] == "conflict")
    }

    @Test(
        "envelopes with blocks beside their own, public ones and answers open as their vectors say",
        arguments: VectorFile.allCases.filter { $0.rawValue.hasPrefix("parts-") })
    func parts(_ file: VectorFile) throws {
        let vector = try file.read(PartsVector.self)
        let signed = try SignedEnvelope(block: bytes(vector.block), named: CID(vector.cid))
        try signed.verify(sender: SignedIdentity(block: bytes(vector.sender.block), named: CID(vector.sender.cid)))
        let envelope = signed.envelope
        #expect(hex(try envelope.coreHash) == vector.coreHash && hex(signed.innerHash) == vector.innerHash)
        #expect(envelope.contentSize == vector.bodySize)
        #expect(envelope.isPublic == (vector.contentKey == nil))
        if let answers = vector.answers {
            let first = try SignedEnvelope(block: bytes(answers))
            #expect(envelope.header.previous == first.cid && envelope.header.thread == first.envelope.header.thread)
        }
        let body = PartsVector.stream("body", vector.bodySize)
        let pages = try pages(vector)
        func page(_ cid: CID) throws -> [UInt8] { try #require(pages[cid]) }
        if envelope.isPublic, let inline = envelope.body { #expect(inline == body) }
        for (recipient, expected) in zip(vector.recipients, vector.wraps) {
            let person = try recipient.person()
            let wrap = try envelope.wrap(for: person.cid, page)
            #expect(hex(wrap.enc) == expected.enc && hex(wrap.key) == expected.key)
            let keys = try EnvelopeOpener.keys(envelope, contentKey: person.unwrap(wrap, of: envelope))
            if let inline = envelope.body { #expect(try keys.open(inline).array == body) }
            if envelope.chunks != nil { #expect(hex(keys.chunkKey.array) == vector.chunkKey) }
        }
        #expect(try envelope.chunks?.links().map(\.description) ?? [] == vector.blocks)
        try checkChunks(vector, envelope, Data(body))
    }

    /// Seals the body anew: the same key gives the same blocks.
    private func checkChunks(_ vector: PartsVector, _ envelope: Envelope, _ body: Data) throws {
        guard let chunks = envelope.chunks else { return }
        let cipher = try vector.chunkKey.map { try ChunkCipher(key: bytes($0)) }
        for index in 0..<chunks.plan.blockCount {
            let start = chunks.plan.offset(ofBlock: index)
            let content = body[start..<(start + chunks.plan.contentSize(index))]
            let block =
                try cipher?.sealBlock(content, index: index, isLast: index == chunks.plan.blockCount - 1) ?? content
            #expect(CID(hashing: Array(block), codec: .raw).description == vector.blocks[index])
        }
    }

    private func pages(_ vector: PartsVector) throws -> [CID: [UInt8]] {
        guard vector.others > 0 else { return [:] }
        var wraps: [CID: DAGCBOR.Value] = [:]
        for index in 0..<vector.others {
            let cid = CID(hashing: PartsVector.stream("recipient \(index)", 64), codec: .dagCBOR)
            wraps[cid] =
                try Envelope.Wrap(
                    enc: PartsVector.stream("enc \(index)", 1120), key: PartsVector.stream("key \(index)", 48)
                ).value
        }
        for wrap in vector.wraps {
            wraps[try CID(wrap.to)] = try Envelope.Wrap(enc: bytes(wrap.enc), key: bytes(wrap.key)).value
        }
        let to = wraps.keys.sorted()
        let blocks =
            try ListPages.cut(to.map { .link($0) }, perPage: Envelope.listedRecipients)
            + ListPages.cut(to.compactMap { wraps[$0] }, perPage: Envelope.listedRecipients)
        #expect(blocks.map(\.cid.description) == vector.recipientPages + vector.wrapPages)
        return Dictionary(uniqueKeysWithValues: blocks.map { ($0.cid, $0.bytes) })
    }
}
