import Crypto
import Foundation
import TestSupport
import Testing

@testable import DTAFormats

@Suite("Envelopes")
struct EnvelopeTests {
    let alice: Person
    let bob: Person
    let carol: Person

    init() throws {
        alice = try Person("alice")
        bob = try Person("bob", p256: true)
        carol = try Person("carol")
    }

    @Test("every recipient opens an envelope, and reads what the sender sealed")
    func roundTrip() throws {
        for sender in [alice, bob] {
            let sealed = try SignedEnvelope(block: sender.seal("good morning", to: [carol, bob]).block)
            #expect(try bob.open(sealed, from: sender) == "good morning")
            #expect(try carol.open(sealed, from: sender) == "good morning")
            #expect(sealed.envelope.listed.to == [bob.cid, carol.cid].sorted())
            #expect(sealed.cid == CID(hashing: sealed.block, codec: .dagCBOR))
        }
    }

    @Test("the largest body and the empty one are sealed and opened")
    func sizes() throws {
        for count in [0, 1, Envelope.bodyLimit] {
            let text = String(repeating: "x", count: count)
            let sealed = try alice.seal(text, to: [bob])
            #expect(sealed.envelope.body?.count == count + 16)
            #expect(try bob.open(SignedEnvelope(block: sealed.block), from: alice) == text)
        }
        let larger = String(repeating: "x", count: Envelope.bodyLimit + 1)
        #expect(refusal { _ = try alice.seal(larger, to: [bob]) }.kind == .invalidArgument)
    }

    @Test("a recipient that is not listed cannot open an envelope, not even with another's wrap")
    func notListed() throws {
        let sealed = try alice.seal("for bob", to: [bob])
        #expect(refusal { _ = try carol.open(sealed, from: alice) }.kind == .notRecipient)
        let wrap = try sealed.envelope.wrap(for: bob.cid)
        for name in [carol.cid, bob.cid] {
            #expect(refusal { _ = try carol.unwrap(wrap, of: sealed.envelope, as: name) }.kind == .dataLoss)
        }
    }

    @Test("a kem copied into another's document opens nothing that is sealed to its owner's name")
    func copiedKEM() throws {
        let thief = try Person("bob", signing: .ed25519(.init()), mlkemSeed: bob.mlkemSeed, x25519: bob.x25519)
        #expect(thief.kem == bob.kem && thief.cid != bob.cid)
        let sealed = try alice.seal("for the thief", to: [thief])
        let wrap = try sealed.envelope.wrap(for: thief.cid)
        #expect(refusal { _ = try bob.unwrap(wrap, of: sealed.envelope) }.kind == .dataLoss)
        #expect(try thief.open(sealed, from: alice) == "for the thief")
    }

    @Test("a wrap opens in its own envelope only")
    func boundToCore() throws {
        let one = try alice.seal("one", to: [bob])
        let two = try alice.seal("two", to: [bob])
        let wrap = try one.envelope.wrap(for: bob.cid)
        #expect(refusal { _ = try bob.unwrap(wrap, of: two.envelope) }.kind == .dataLoss)
    }

    @Test("an envelope whose second wrap holds another key is refused: one signature, one content")
    func otherKey() throws {
        let made = try OtherKeyEnvelope(sender: alice, honest: bob, deceived: carol)
        let first = try bob.unwrap(made.signed.envelope.wrap(for: bob.cid), of: made.signed.envelope)
        #expect(try EnvelopeOpener.open(made.signed.envelope, contentKey: first) == Array("first content".utf8))
        let error = refusal { _ = try carol.open(made.signed, from: alice) }
        #expect(error.kind == .dataLoss)
        #expect(error.reason.contains("commits"))
    }

    @Test("an envelope with a flipped bit in any field is refused when it is verified")
    func flips() throws {
        let previous = try bob.seal("before", to: [alice])
        let sealed = try alice.seal("now", to: [bob, carol], answering: previous)
        let mutations = Mutation.flips(of: try DAGCBOR.decode(sealed.block))
        let fields = [
            "type", "from", "created", "previous", "thread", "content", "to/0", "to/1", "salt", "wraps/0/enc",
            "wraps/0/key", "wraps/1/enc", "wraps/1/key", "commit", "body",
        ]
        #expect(
            Set(mutations.map(\.path))
                == Set(fields.map { "/envelope/" + $0 } + ["/signatures/0/by", "/signatures/0/sig"]))
        for mutation in mutations {
            _ = refusal(mutation.path) {
                try SignedEnvelope(block: DAGCBOR.encode(mutation.value)).verify(sender: alice.document)
            }
        }
    }

    @Test("an envelope with any byte of its block changed is refused when it is verified")
    func damage() throws {
        let block = try alice.seal("text", to: [bob]).block
        for index in block.indices {
            var damaged = block
            damaged[index] ^= 1 << UInt8(index % 8)
            _ = refusal("byte \(index)") { try SignedEnvelope(block: damaged).verify(sender: alice.document) }
        }
        for length in stride(from: 0, to: block.count, by: 5) {
            _ = refusal("cut at \(length)") { _ = try SignedEnvelope(block: Array(block[..<length])) }
        }
    }

    @Test(
        "wraps, commitment and body of a forger's own, which the signature does not protect yet, are refused by the key"
    )
    func flipsAfterVerification() throws {
        let envelope = try alice.seal("text", to: [bob]).envelope
        let key = try bob.unwrap(envelope.wrap(for: bob.cid), of: envelope)
        for mutation in Mutation.flips(of: envelope.value) {
            // As if the sender himself had signed it.
            guard let changed = try? Envelope(mutation.value), let wrap = try? changed.wrap(for: bob.cid) else {
                continue
            }
            _ = refusal(mutation.path) {
                _ = try EnvelopeOpener.open(changed, contentKey: bob.unwrap(wrap, of: changed))
            }
            if !mutation.path.hasPrefix("/wraps") {
                #expect(
                    refusal(mutation.path) { _ = try EnvelopeOpener.open(changed, contentKey: key) }.kind == .dataLoss)
            }
        }
        #expect(refusal { _ = try EnvelopeOpener.open(envelope, contentKey: key.reversed()) }.kind == .dataLoss)
        #expect(refusal { _ = try EnvelopeOpener.open(envelope, contentKey: [1]) }.kind == .invalidArgument)
    }

    @Test("an envelope is verified with its sender's identity only")
    func otherSender() throws {
        let sealed = try alice.seal("text", to: [bob])
        #expect(refusal { try sealed.verify(sender: bob.document) }.kind == .mismatch)
        let forged = try EnvelopeSealer.seal(
            [1], content: "text/plain", from: alice.cid, to: [bob.document], created: 0)
        #expect(
            refusal { _ = try SignedEnvelope(signing: forged, sender: bob.document, with: bob.sign) }.kind == .mismatch)
        #expect(
            refusal { _ = try SignedEnvelope(signing: forged, sender: alice.document, with: carol.sign) }.kind
                == .badSignature)
        let block = try SignedEnvelope.encode(
            forged, [DocumentSignature(role: .own, signature: carol.sign(SignedBytes.envelope, forged.innerHash))])
        #expect(refusal { try SignedEnvelope(block: block).verify(sender: alice.document) }.kind == .badSignature)
    }

    @Test("two envelopes of the same text share no salt, thread, wrap or body")
    func fresh() throws {
        let one = try alice.seal("text", to: [bob]).envelope
        let two = try alice.seal("text", to: [bob]).envelope
        #expect(one.sealing?.salt != two.sealing?.salt)
        #expect(one.header.thread != two.header.thread)
        #expect(one.listed.wraps[0].enc != two.listed.wraps[0].enc)
        #expect(one.sealing?.commit != two.sealing?.commit)
        #expect(one.body != two.body)
        #expect(try one.innerHash != two.innerHash)
    }

    @Test("an envelope that answers another links it and keeps its thread")
    func chain() throws {
        let first = try alice.seal("question", to: [bob])
        let answer = try bob.seal("answer", to: [alice], answering: first)
        #expect(answer.envelope.header.previous == first.cid)
        #expect(answer.envelope.header.thread == first.envelope.header.thread)
        #expect(first.envelope.header.previous == nil)
    }

    @Test("recipients stand in the order of their bytes, each once, whatever the caller's order")
    func order() throws {
        let people = [alice, bob, carol]
        let sealed = try alice.seal("x", to: people + people.reversed())
        #expect(sealed.envelope.listed.to == people.map(\.cid).sorted())
        #expect(sealed.envelope.listed.wraps.count == 3)
        let value = try DAGCBOR.decode(sealed.block)
        for to in [[2, 1, 0], [0, 0, 1], [1, 0, 2]] {
            let links = to.map { DAGCBOR.Value.link(sealed.envelope.listed.to[$0]) }
            let block = try DAGCBOR.encode(value.changing(["envelope", "to"], to: .list(links)))
            #expect(refusal { _ = try SignedEnvelope(block: block) }.kind == .notCanonical)
        }
    }

    @Test("an envelope has a body or chunks, one of them")
    func oneContent() throws {
        let value = try DAGCBOR.decode(alice.seal("x", to: [bob]).block)
        let chunks = DAGCBOR.Value.map(["size": .unsigned(3), "blocks": .list([.link(CID(hashing: [1], codec: .raw))])])
        let both = value.changing(["envelope", "chunks"], to: chunks)
        #expect(refusal { _ = try SignedEnvelope(block: DAGCBOR.encode(both)) }.reason.contains("not both"))
        _ = try SignedEnvelope(block: DAGCBOR.encode(both.changing(["envelope", "body"], to: nil)))
    }

    @Test(
        "an envelope with a field of another type, length or value is refused",
        arguments: [
            (["type"], DAGCBOR.Value.text("dta/envelope/2")), (["from"], .bytes([1])),
            (["from"], .link(CID(hashing: [1], codec: .raw))), (["created"], .integer(-1)), (["created"], .text("0")),
            (["previous"], .null), (["thread"], .bytes([UInt8](repeating: 0, count: 15))),
            (["thread"], .bytes([UInt8](repeating: 0, count: 17))), (["content"], .text("")),
            (["content"], .text("text")),
            (["content"], .text("text/")), (["content"], .text("text/plain\n")), (["content"], .text("täxt/plain")),
            (["content"], .text("text/" + String(repeating: "x", count: 10_000))), (["content"], .bytes([1])),
            (["to"], .list([])), (["to"], .list([.null])), (["to"], .map([:])),
            (["to"], .list([.link(CID(hashing: [1], codec: .raw))])),
            (["salt"], .bytes([UInt8](repeating: 0, count: 31))), (["wraps"], .list([])), (["wraps"], .list([.null])),
            (["wraps", "0", "enc"], .bytes([UInt8](repeating: 0, count: 1119))),
            (["wraps", "0", "key"], .bytes([UInt8](repeating: 0, count: 47))), (["wraps", "0", "more"], .null),
            (["commit"], .bytes([])), (["body"], .bytes([UInt8](repeating: 0, count: 15))), (["body"], .text("x")),
            (["body"], .bytes([UInt8](repeating: 0, count: Envelope.bodyLimit + 17))), (["more"], .null),
        ])
    func fields(_ path: [String], _ field: DAGCBOR.Value) throws {
        let value = try DAGCBOR.decode(alice.seal("x", to: [bob]).block)
        let block = try DAGCBOR.encode(value.changing(["envelope"] + path, to: field))
        _ = refusal(path.joined(separator: "/")) { _ = try SignedEnvelope(block: block) }
    }

    @Test(
        "an envelope with a field that is missing is refused",
        arguments: ["type", "from", "created", "thread", "content", "to", "salt", "wraps", "commit", "body"])
    func missing(_ field: String) throws {
        let value = try DAGCBOR.decode(alice.seal("x", to: [bob]).block)
        let block = try DAGCBOR.encode(value.changing(["envelope", field], to: nil))
        #expect(refusal { _ = try SignedEnvelope(block: block) }.reason.contains(field))
    }

    @Test("a public envelope is read by anybody, and has no recipients, salt, wraps and commitment")
    func publicEnvelope() throws {
        let envelope = try EnvelopeSealer.publish(
            Array("to whom it may concern".utf8), content: "text/plain; charset=utf-8", from: alice.cid, created: 1)
        let signed = try SignedEnvelope(
            block: SignedEnvelope(signing: envelope, sender: alice.document, with: alice.sign).block)
        try signed.verify(sender: alice.document)
        #expect(signed.envelope.body == Array("to whom it may concern".utf8))
        #expect(signed.envelope.isPublic)
        #expect(try signed.envelope.recipients().isEmpty)
        #expect(refusal { _ = try signed.envelope.wrap(for: bob.cid) }.kind == .notRecipient)
        #expect(
            refusal { _ = try EnvelopeOpener.open(envelope, contentKey: [UInt8](repeating: 0, count: 32)) }.kind
                == .invalidArgument)
    }

    @Test("an envelope needs a post-quantum signature exactly if its sender's identity has such a key")
    func postQuantum() throws {
        let pq = try MLDSA65.PrivateKey()
        let identity = try Identity(
            name: "alice", created: 0, signing: Person.publicKey(alice.signing), kem: alice.kem,
            pq: Array(pq.publicKey.rawRepresentation))
        func both(_ context: String, _ hash: [UInt8]) throws -> [DocumentSignature] {
            let message = try SignedBytes.make(context: context, hash: hash)
            return [
                DocumentSignature(role: .own, signature: try alice.sign(context, hash)),
                DocumentSignature(role: .pq, signature: Array(try pq.signature(for: message))),
            ]
        }
        let sender = try SignedIdentity(
            block: SignedIdentity.encode(identity, both(SignedBytes.identity, identity.hash)))
        let envelope = try EnvelopeSealer.seal(
            [1], content: "text/plain", from: sender.cid, to: [bob.document], created: 0)
        let signatures = try both(SignedBytes.envelope, envelope.innerHash)
        try SignedEnvelope(block: SignedEnvelope.encode(envelope, signatures)).verify(sender: sender)
        for wrong in [[signatures[0]], [signatures[1]], [signatures[1], signatures[0]], signatures + signatures] {
            _ = refusal { try SignedEnvelope(block: SignedEnvelope.encode(envelope, wrong)).verify(sender: sender) }
        }
        let unsigned = refusal { _ = try SignedEnvelope(signing: envelope, sender: sender, with: alice.sign) }
        #expect(unsigned.kind == .invalidArgument)
        let plain = try alice.seal("x", to: [bob])
        let extra = try SignedEnvelope.encode(plain.envelope, both(SignedBytes.envelope, plain.innerHash))
        #expect(refusal { try SignedEnvelope(block: extra).verify(sender: alice.document) }.kind == .badSignature)
    }

    @Test("a block that is not an envelope at all is refused")
    func garbage() throws {
        var random = SeededGenerator()
        for _ in 0..<2000 {
            let garbage = random.bytes(Int.random(in: 0..<300, using: &random))
            _ = refusal("seed \(random.seed)") { _ = try SignedEnvelope(block: garbage) }
        }
        _ = refusal { _ = try SignedEnvelope(block: alice.document.block) }
    }
}
