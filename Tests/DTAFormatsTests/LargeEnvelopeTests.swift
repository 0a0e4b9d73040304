import Crypto
import Foundation
import TestSupport
import Testing

@testable import DTAFormats

@Suite("Envelopes of more than one block")
struct LargeEnvelopeTests {
    let alice: Person
    let bob: Person

    init() throws {
        alice = try Person("alice")
        bob = try Person("bob")
    }

    /// Blocks by their CIDs, as a ledger gives them.
    struct Blocks {
        var bytes: [CID: [UInt8]] = [:]

        init(_ blocks: [ContentBlock]) { for block in blocks { bytes[block.cid] = block.bytes } }

        func callAsFunction(_ cid: CID) throws -> [UInt8] {
            guard let block = bytes[cid] else { throw FormatError(.invalidArgument, "not here") }
            return block
        }
    }

    private func begin(to people: [Person]) throws -> (draft: EnvelopeDraft, keys: ContentKeys) {
        try EnvelopeSealer.begin(content: "text/plain", from: alice.cid, to: people.map(\.document), created: 1)
    }

    private func sign(_ envelope: Envelope) throws -> SignedEnvelope {
        try SignedEnvelope(
            block: SignedEnvelope(signing: envelope, sender: alice.document, with: alice.sign).block)
    }

    /// An envelope of these links; nobody looks whether the blocks are there.
    private func chunked(size: Int, links: [CID], isPublic: Bool = false) throws -> EnvelopeParts {
        let draft =
            try isPublic
            ? EnvelopeSealer.beginPublic(content: "text/plain", from: alice.cid, created: 1) : begin(to: [bob]).draft
        return try draft.finish(ChunkPlan(size: size, isSealed: !isPublic), blocks: links)
    }

    private func links(_ count: Int, _ codec: CID.Codec = .raw) -> [CID] {
        (0..<count).map { CID(hashing: [UInt8($0 & 255), UInt8($0 >> 8)], codec: codec) }
    }

    // MARK: Chunks

    @Test("a body in chunks is opened with the chunk key that the content key gives, and with no other")
    func chunks() throws {
        let (draft, keys) = try begin(to: [bob])
        let size = ChunkPlan.blockContent + 10
        let body = try ChunkedBody(Data(repeating: 3, count: size), cipher: ChunkCipher(key: keys.chunkKey))
        let parts = try draft.finish(body.plan, blocks: body.links)
        #expect(parts.blocks.isEmpty)
        let envelope = try sign(parts.envelope).envelope
        #expect(envelope.contentSize == size && envelope.body == nil && envelope.chunks?.plan == body.plan)
        let key = try bob.unwrap(envelope.wrap(for: bob.cid), of: envelope)
        let cipher = try ChunkCipher(key: EnvelopeOpener.keys(envelope, contentKey: key).chunkKey)
        #expect(try envelope.chunks?.links() == body.links)
        #expect(try ChunkedBody.open(body.blocks, size: size, with: cipher) == body.content)
        #expect(refusal { _ = try EnvelopeOpener.open(envelope, contentKey: key) }.kind == .invalidArgument)
        #expect(
            refusal { _ = try EnvelopeOpener.keys(envelope, contentKey: key.reversed()) }.reason.contains("commits"))
        // The specification's words, written a second time.
        let salt = try #require(envelope.sealing?.salt)
        let derived = try HKDF<SHA256>.deriveKey(
            inputKeyMaterial: SymmetricKey(data: key), salt: salt,
            info: Data("dta/envelope/1 chunks".utf8) + [0] + envelope.coreHash, outputByteCount: 32)
        #expect(derived.withUnsafeBytes { Array($0) } == keys.chunkKey.array)
    }

    @Test("every attempt to seal has another chunk key")
    func freshKeys() throws {
        let one = try begin(to: [bob])
        let two = try begin(to: [bob])
        #expect(one.keys.chunkKey.array != two.keys.chunkKey.array)
    }

    @Test("a public body in chunks is its plaintext, cut into blocks")
    func publicChunks() throws {
        let body = try ChunkedBody(Data(repeating: 9, count: 2 * ChunkPlan.blockContent), cipher: nil)
        let parts = try chunked(size: body.content.count, links: body.links, isPublic: true)
        let envelope = try sign(parts.envelope).envelope
        #expect(envelope.isPublic && envelope.contentSize == body.content.count)
        #expect(body.blocks.reduce(Data(), +) == body.content)
        // Two equal blocks have one name.
        #expect(try envelope.chunks?.links() == body.links)
        #expect(body.links[0] == body.links[1])
    }

    @Test("4,096 blocks are linked from the envelope, and more from lists of 4,096")
    func linkPages() throws {
        let all = links(9000)
        for count in [1, 4096, 4097, 8192, 8193] {
            let size = (count - 1) * ChunkPlan.blockContent + 1
            let parts = try chunked(size: size, links: Array(all[..<count]))
            let chunks = try #require(try sign(parts.envelope).envelope.chunks)
            #expect(parts.blocks.count == (count > 4096 ? (count + 4095) / 4096 : 0))
            #expect(chunks.pages == parts.blocks.map(\.cid) && chunks.isPaged == (count > 4096))
            let blocks = Blocks(parts.blocks)
            #expect(try chunks.links(blocks.callAsFunction) == Array(all[..<count]))
            #expect(parts.blocks.allSatisfy { $0.bytes.count <= DAGCBOR.maximumSize })
        }
    }

    @Test("lists of links that are short, long, of another kind, or not the ones that are named are refused")
    func damagedLinkPages() throws {
        let all = links(4100)
        let parts = try chunked(size: 4099 * ChunkPlan.blockContent + 1, links: all)
        let chunks = try #require(parts.envelope.chunks)
        let page = parts.blocks[0].cid
        func refused(_ values: [CID]) throws -> FormatError {
            var blocks = Blocks(parts.blocks)
            let other = ContentBlock(
                hashing: try DAGCBOR.encode(.list(values.map { .link($0) })), codec: .dagCBOR)
            blocks.bytes[other.cid] = other.bytes
            let links = [other.cid, parts.blocks[1].cid].map { DAGCBOR.Value.link($0) }
            let changed = try Chunks(
                .map(["size": .integer(Int64(chunks.plan.size)), "blocks": .list(links)]), isSealed: true)
            return refusal { _ = try changed.links(blocks.callAsFunction) }
        }
        #expect(try refused(Array(all[..<4095])).reason.contains("full, all but the last"))
        #expect(try refused(all).kind == .malformed)
        #expect(try refused(links(4096, .dagCBOR)).kind == .malformed)
        var damaged = Blocks(parts.blocks)
        damaged.bytes[page]?[100] ^= 1
        #expect(refusal { _ = try chunks.links(damaged.callAsFunction) }.kind == .mismatch)
        damaged.bytes[page] = nil
        #expect(refusal { _ = try chunks.links(damaged.callAsFunction) }.reason == "not here")
        #expect(refusal { _ = try chunks.links() }.reason.contains("continues in the block"))
    }

    @Test("a size that does not fit the number of blocks is refused, for every number of blocks")
    func sizes() throws {
        let block = ChunkPlan.blockContent
        func accepts(_ size: Int64, _ links: [CID]) -> Bool {
            let value = DAGCBOR.Value.map(["size": .integer(size), "blocks": .list(links.map { .link($0) })])
            return (try? Chunks(value, isSealed: true)) != nil
        }
        for count in [1, 2, 3, 4096] {
            let links = links(count)
            for (size, fits) in [
                (count * block, true), ((count - 1) * block + 1, true), ((count - 1) * block, count == 1),
                (count * block + 1, false), (-1, false),
            ] {
                #expect(accepts(Int64(size), links) == fits, "\(count) blocks, \(size) bytes")
            }
        }
        #expect(!accepts(0, []) && !accepts(1, []) && !accepts(.max, links(1)) && !accepts(.min, links(1)))
        #expect(!accepts(Int64(4097 * block), links(4097)), "these are to be listed in blocks")
        #expect(!accepts(1, links(1, .dagCBOR)))
    }

    @Test("a bit that changes in any field of an envelope in chunks breaks its signature or its form")
    func flips() throws {
        let parts = try chunked(size: ChunkPlan.blockContent + 1, links: links(2))
        let signed = try sign(parts.envelope)
        let mutations = Mutation.flips(of: try DAGCBOR.decode(signed.block))
        #expect(Set(mutations.map(\.path)).isSuperset(of: ["/envelope/chunks/size", "/envelope/chunks/blocks/1"]))
        for mutation in mutations {
            _ = refusal(mutation.path) {
                try SignedEnvelope(block: DAGCBOR.encode(mutation.value)).verify(sender: alice.document)
            }
        }
    }

    // MARK: Recipients

    /// Many identities with the keys of few: what differs is the name.
    private func crowd(_ count: Int) throws -> [Person] {
        let (seed, x25519) = (bob.mlkemSeed, bob.x25519)
        let signing = Person.Signing.ed25519(.init())
        return try (0..<count).map { try Person("p\($0)", signing: signing, mlkemSeed: seed, x25519: x25519) }
    }

    @Test("1,000 recipients open what was sealed to them, 256 a block; the 1,001st is refused")
    func thousand() throws {
        let people = try crowd(1000)
        let (draft, keys) = try begin(to: people.reversed() + people)
        let parts = try draft.finish(Array("all of you".utf8), keys: keys)
        let envelope = try sign(parts.envelope).envelope
        #expect(parts.blocks.count == 8 && envelope.recipientPages == parts.blocks.map(\.cid))
        let blocks = Blocks(parts.blocks)
        #expect(try envelope.recipients(blocks.callAsFunction) == people.map(\.cid).sorted())
        #expect(try envelope.wraps(blocks.callAsFunction).count == 1000)
        let sorted = people.sorted { $0.cid < $1.cid }
        for place in [0, 255, 256, 511, 512, 999] {
            let person = sorted[place]
            let wrap = try envelope.wrap(for: person.cid, blocks.callAsFunction)
            let key = try person.unwrap(wrap, of: envelope)
            #expect(try EnvelopeOpener.open(envelope, contentKey: key) == Array("all of you".utf8))
            // The wrap of a neighbour is another's, although the keys are the same here.
            let other = sorted[place == 0 ? 1 : place - 1]
            #expect(refusal { _ = try other.unwrap(wrap, of: envelope) }.kind == .dataLoss)
        }
        #expect(refusal { _ = try envelope.wrap(for: alice.cid, blocks.callAsFunction) }.kind == .notRecipient)
        #expect(refusal { _ = try envelope.wrap(for: sorted[0].cid) }.reason.contains("continues in the block"))
        #expect(refusal { _ = try begin(to: people + [alice]) }.kind == .unsupported)
    }

    @Test("256 recipients stand in the envelope itself, and 257 do not")
    func border() throws {
        let people = try crowd(257)
        for count in [256, 257] {
            let (draft, keys) = try begin(to: Array(people[..<count]))
            let parts = try draft.finish([1], keys: keys)
            #expect(parts.blocks.count == (count == 256 ? 0 : 4))
            let envelope = try sign(parts.envelope).envelope
            #expect(try envelope.recipients(Blocks(parts.blocks).callAsFunction).count == count)
        }
        #expect(
            refusal {
                _ = try EnvelopeSealer.seal(
                    [1], content: "text/plain", from: alice.cid, to: people.map(\.document), created: 1)
            }.kind == .invalidArgument)
        _ = refusal { _ = try begin(to: []) }
    }

    @Test("pages of recipients that are short, out of order, or repeat somebody are refused, across pages too")
    func damagedPages() throws {
        let people = try crowd(300)
        let (draft, keys) = try begin(to: people)
        let parts = try draft.finish([1], keys: keys)
        let value = try DAGCBOR.decode(sign(parts.envelope).block)
        let to = people.map(\.cid).sorted()
        let wraps = try parts.envelope.wraps(Blocks(parts.blocks).callAsFunction)

        func refused(_ pages: [[CID]], wraps wrapPages: [[Envelope.Wrap]]? = nil) throws -> FormatError {
            let toBlocks = try pages.map { page in
                ContentBlock(hashing: try DAGCBOR.encode(.list(page.map { .link($0) })), codec: .dagCBOR)
            }
            let wrapBlocks = try (wrapPages ?? [Array(wraps[..<256]), Array(wraps[256...])]).map { page in
                ContentBlock(hashing: try DAGCBOR.encode(.list(page.map(\.value))), codec: .dagCBOR)
            }
            func links(_ blocks: [ContentBlock]) -> DAGCBOR.Value { .list(blocks.map { .link($0.cid) }) }
            let changed = value.changing(["envelope", "to"], to: links(toBlocks))
                .changing(["envelope", "wraps"], to: links(wrapBlocks))
            return refusal {
                let envelope = try SignedEnvelope(block: DAGCBOR.encode(changed)).envelope
                _ = try envelope.wraps(Blocks(toBlocks + wrapBlocks).callAsFunction)
            }
        }
        let (first, second) = (Array(to[..<256]), Array(to[256...]))
        #expect(try refused([second + first[..<(256 - second.count)], first]).kind != .invalidArgument)
        #expect(try refused([Array(first.dropLast()), second]).reason.contains("full"))
        #expect(try refused([first, [first[255]] + second.dropFirst()]).kind == .notCanonical)
        #expect(try refused([first, second.reversed()]).kind == .notCanonical)
        #expect(try refused([first, []]).kind == .malformed)
        #expect(try refused([first]).kind == .malformed, "one page, two pages of wraps")
        #expect(try refused([first], wraps: [Array(wraps[..<256])]).kind == .notCanonical)
        #expect(
            try refused([first, second], wraps: [Array(wraps[..<256]), Array(wraps[256...].dropLast())]).kind
                == .malformed)
        #expect(try refused([first, second], wraps: [Array(wraps[..<255]), Array(wraps[255...])]).kind == .malformed)
        #expect(
            try refused([first, first, first, first, second], wraps: Array(repeating: [wraps[0]], count: 5)).kind
                == .unsupported)
    }
}
