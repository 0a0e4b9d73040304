import Crypto
import Foundation
import TestSupport

@testable import DTAFormats

/// `docs/vectors/parts-*.json`: envelopes that are public, answer others, or have blocks beside their own. What follows from
/// something else in the file is not in it.
struct PartsVector: Codable {
    var about: String
    var sender: PersonVector
    /// Those whose keys are here, in the order of their CIDs.
    var recipients: [PersonVector]
    /// How many more there are. Number i has as its CID that of the DAG-CBOR block `stream("recipient i", 64)`, and a wrap
    /// of `stream("enc i", 1120)` and `stream("key i", 48)`, which nobody opens.
    var others: Int
    /// The body is `stream("body", bodySize)`.
    var bodySize: Int
    /// The block of the envelope that this one answers.
    var answers: String?
    /// None in a public envelope.
    var contentKey: String?
    var salt: String?
    var coreHash: String
    var chunkKey: String?
    var commit: String?
    /// Of `recipients`.
    var wraps: [WrapVector]
    /// The CIDs of the blocks of recipients and wraps, and of the body.
    var recipientPages: [String]
    var wrapPages: [String]
    var blocks: [String]
    var innerHash: String
    var block: String
    var cid: String

    /// SHA-256("dta test vector: " ‖ label ‖ " " ‖ n in decimal) for n = 0, 1, …, cut at `size` bytes.
    static func stream(_ label: String, _ size: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(size + 32)
        var number = 0
        while bytes.count < size {
            bytes += SHA256.hash(data: Array("dta test vector: \(label) \(number)".utf8))
            number += 1
        }
        return Array(bytes.prefix(size))
    }
}

/// Makes them.
enum PartsGenerator {
    static let created: Int64 = 1_760_000_400

    static func publicEnvelope() throws -> PartsVector {
        let alice = try VectorGenerator.person("alice")
        let parts = try EnvelopeDraft(header: header(alice.0.cid, nil), sealing: nil, pages: [])
            .finish(PartsVector.stream("body", 100), keys: nil)
        return try vector("A public envelope.", sender: alice, parts: parts, bodySize: 100)
    }

    static func publicChunks() throws -> PartsVector {
        let alice = try VectorGenerator.person("alice")
        let size = ChunkPlan.blockContent + 5
        let plan = try ChunkPlan(size: size, isSealed: false)
        let body = PartsVector.stream("body", size)
        let blocks = (0..<plan.blockCount).map { index in
            let start = plan.offset(ofBlock: index)
            return CID(hashing: Array(body[start..<(start + plan.contentSize(index))]), codec: .raw)
        }
        let parts = try EnvelopeDraft(header: header(alice.0.cid, nil), sealing: nil, pages: [])
            .finish(plan, blocks: blocks)
        return try vector(
            "A public envelope with its body in two blocks.", sender: alice, parts: parts, bodySize: size,
            blocks: blocks)
    }

    /// Bob's answer to the public envelope.
    static func reply(to first: PartsVector) throws -> PartsVector {
        let bob = try VectorGenerator.person("bob")
        let alice = try VectorGenerator.person("alice")
        let answered = try SignedEnvelope(block: bytes(first.block))
        let key = VectorGenerator.fixed("reply content key")
        let (draft, keys) = try EnvelopeSealer.begin(
            header(bob.0.cid, answered), to: [alice.0.document], salt: VectorGenerator.fixed("reply salt"),
            contentKey: SymmetricKey(data: key))
        let parts = try draft.finish(PartsVector.stream("body", 60), keys: keys)
        return try vector(
            "A sealed envelope that answers the one of parts-public.json.", sender: bob, recipients: [alice],
            parts: parts, bodySize: 60, key: key, answers: first.block)
    }

    static func chunks() throws -> PartsVector {
        let alice = try VectorGenerator.person("alice")
        let bob = try VectorGenerator.person("bob")
        let size = ChunkPlan.blockContent + ChunkPlan.chunkSize + 7
        let plan = try ChunkPlan(size: size, isSealed: true)
        let key = VectorGenerator.fixed("chunked content key")
        let (draft, keys) = try EnvelopeSealer.begin(
            header(alice.0.cid, nil), to: [bob.0.document], salt: VectorGenerator.fixed("chunked salt"),
            contentKey: SymmetricKey(data: key))
        let cipher = try ChunkCipher(key: keys.chunkKey)
        let body = Data(PartsVector.stream("body", size))
        let blocks = try (0..<plan.blockCount).map { index in
            let start = plan.offset(ofBlock: index)
            let sealed = try cipher.sealBlock(
                body[start..<(start + plan.contentSize(index))], index: index, isLast: index == plan.blockCount - 1)
            return CID(hashing: Array(sealed), codec: .raw)
        }
        return try vector(
            "A sealed envelope with its body in two blocks, the second of two chunks.", sender: alice,
            recipients: [bob], parts: draft.finish(plan, blocks: blocks), bodySize: size, key: key, blocks: blocks)
    }

    /// 300 recipients, of whom two are somebody, in the first and in the second page.
    static func recipients() throws -> PartsVector {
        let alice = try VectorGenerator.person("alice")
        let bob = try VectorGenerator.person("bob")
        let others = 298
        let strangers = (0..<others).map { CID(hashing: PartsVector.stream("recipient \($0)", 64), codec: .dagCBOR) }
        func listed(_ people: [(Person, [UInt8])]) -> [CID] { (strangers + people.map(\.0.cid)).sorted() }
        // Whoever comes first by the CID's bytes among those who stand in the second page.
        var number = 0
        var late = try VectorGenerator.person("late 0")
        while listed([bob, late]).dropFirst(Envelope.listedRecipients).contains(late.0.cid) == false {
            number += 1
            late = try VectorGenerator.person("late \(number)")
        }
        let people = [bob, late]
        let to = listed(people)
        guard to.prefix(Envelope.listedRecipients).contains(bob.0.cid) else {
            throw TestFailure("bob is not among the listed recipients")
        }
        let toPages = try ListPages.cut(to.map { .link($0) }, perPage: Envelope.listedRecipients)
        let header = header(alice.0.cid, nil)
        let salt = VectorGenerator.fixed("many salt")
        let key = VectorGenerator.fixed("many content key")
        let coreHash = try Envelope.coreHash(header, to: toPages.map(\.cid), salt: salt)
        var wraps: [CID: Envelope.Wrap] = [:]
        for (index, stranger) in strangers.enumerated() {
            wraps[stranger] = try Envelope.Wrap(
                enc: PartsVector.stream("enc \(index)", 1120), key: PartsVector.stream("key \(index)", 48))
        }
        for person in people {
            wraps[person.0.cid] = try EnvelopeSealer.wrap(
                SymmetricKey(data: key), for: person.0.document.identity, named: person.0.cid, coreHash: coreHash)
        }
        let wrapPages = try ListPages.cut(to.compactMap { wraps[$0]?.value }, perPage: Envelope.listedRecipients)
        let keys = ContentKeys(SymmetricKey(data: key), salt: salt, coreHash: coreHash)
        let draft = EnvelopeDraft(
            header: header,
            sealing: Envelope.Sealing(
                recipients: .paged(to: toPages.map(\.cid), wraps: wrapPages.map(\.cid)), salt: salt,
                commit: keys.commit),
            pages: toPages + wrapPages)
        var vector = try vector(
            "An envelope to 300 recipients, who stand in pages. Two of them have keys here, one in each page; the wraps of "
                + "the others are made up.",
            sender: alice, recipients: people, parts: draft.finish(PartsVector.stream("body", 40), keys: keys),
            bodySize: 40, key: key, wraps: wraps)
        vector.others = others
        vector.recipientPages = toPages.map(\.cid.description)
        vector.wrapPages = wrapPages.map(\.cid.description)
        return vector
    }

    private static func header(_ sender: CID, _ answered: SignedEnvelope?) -> Envelope.Header {
        Envelope.Header(
            from: sender, created: created, previous: answered?.cid,
            thread: answered?.envelope.header.thread ?? PartsVector.stream("thread", 16),
            content: "application/octet-stream")
    }

    private static func vector(
        _ about: String, sender: (Person, [UInt8]), recipients: [(Person, [UInt8])] = [], parts: EnvelopeParts,
        bodySize: Int, key: [UInt8]? = nil, blocks: [CID] = [], answers: String? = nil,
        wraps: [CID: Envelope.Wrap]? = nil
    ) throws -> PartsVector {
        let envelope = parts.envelope
        let signed = try SignedEnvelope(signing: envelope, sender: sender.0.document, with: sender.0.sign)
        let coreHash = try envelope.coreHash
        let keys = envelope.sealing.flatMap { sealing in
            key.map { ContentKeys(SymmetricKey(data: $0), salt: sealing.salt, coreHash: coreHash) }
        }
        return PartsVector(
            about: about, sender: PersonVector(sender.0, signingSeed: sender.1),
            recipients: recipients.map { PersonVector($0.0, signingSeed: $0.1) }, others: 0, bodySize: bodySize,
            answers: answers, contentKey: key.map(hex), salt: envelope.sealing.map { hex($0.salt) },
            coreHash: hex(coreHash), chunkKey: blocks.isEmpty ? nil : keys.map { hex($0.chunkKey.array) },
            commit: envelope.sealing.map { hex($0.commit) },
            wraps: try recipients.map { person in
                let wrap = try wraps?[person.0.cid] ?? envelope.wrap(for: person.0.cid)
                return try VectorGenerator.wrap(wrap, for: person.0, coreHash: coreHash, contentKey: key ?? [])
            },
            recipientPages: [], wrapPages: [], blocks: blocks.map(\.description), innerHash: hex(signed.innerHash),
            block: hex(signed.block), cid: signed.cid.description)
    }
}
