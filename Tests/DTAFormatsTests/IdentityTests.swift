import Crypto
import Foundation
import TestSupport
import Testing

@testable import DTAFormats

@Suite("Identities")
struct IdentityTests {
    let alice: Person
    let value: DAGCBOR.Value

    init() throws {
        alice = try Person("alice")
        value = try DAGCBOR.decode(alice.document.block)
    }

    /// The document with one field changed and signed again, so that only the field can be why it is refused.
    private func resigned(_ path: [String], _ field: DAGCBOR.Value?) throws -> [UInt8] {
        let changed = value.changing(["identity"] + path, to: field)
        guard case .map(let map) = changed, let identity = map["identity"] else {
            throw TestFailure("the document has no such field")
        }
        let hash = Array(SHA256.hash(data: try DAGCBOR.encode(identity)))
        let signature = try alice.sign(SignedBytes.identity, hash)
        return try DAGCBOR.encode(changed.changing(["signatures", "0", "sig"], to: .bytes(signature)))
    }

    @Test("an identity is read back from its block, verified, under the CID of the block", arguments: [false, true])
    func roundTrip(p256: Bool) throws {
        let person = try Person("Zoë of Example Ltd", p256: p256)
        let again = try SignedIdentity(block: person.document.block, named: person.cid)
        #expect(again == person.document)
        #expect(again.identity.name == "Zoë of Example Ltd")
        #expect(again.cid == CID(hashing: person.document.block, codec: .dagCBOR))
        #expect(again.identity.signing.tagged.count == (p256 ? 35 : 34))
        #expect(again.identity.signing.tagged.prefix(2) == (p256 ? [0x80, 0x24] : [0xed, 0x01]))
    }

    @Test("a block under another's CID is refused")
    func wrongName() throws {
        let bob = try Person("bob")
        #expect(refusal { _ = try SignedIdentity(block: alice.document.block, named: bob.cid) }.kind == .mismatch)
    }

    @Test("an identity with a flipped bit in any field is refused")
    func flips() throws {
        let mutations = Mutation.flips(of: value)
        #expect(Set(mutations.map(\.path)).count == 7)
        for mutation in mutations {
            _ = refusal(mutation.path) { _ = try SignedIdentity(block: DAGCBOR.encode(mutation.value)) }
        }
    }

    @Test("an identity with any byte of its block changed, or cut short anywhere, is refused")
    func damage() throws {
        let block = alice.document.block
        for index in stride(from: 0, to: block.count, by: 3) {
            var damaged = block
            damaged[index] ^= 0x04
            _ = refusal("byte \(index)") { _ = try SignedIdentity(block: damaged) }
            _ = refusal("cut at \(index)") { _ = try SignedIdentity(block: Array(block[..<index])) }
        }
        _ = refusal { _ = try SignedIdentity(block: block + [0]) }
    }

    @Test(
        "an identity with a field that is missing is refused", arguments: ["type", "name", "created", "signing", "kem"])
    func missing(_ field: String) throws {
        let block = try resigned([field], nil)
        #expect(refusal { _ = try SignedIdentity(block: block) }.reason.contains("\"\(field)\""))
    }

    @Test(
        "an identity with a field of another type is refused",
        arguments: ["type", "name", "created", "signing", "kem", "recovery", "pq"])
    func types(_ field: String) throws {
        let block = try resigned([field], .list([]))
        #expect(refusal { _ = try SignedIdentity(block: block) }.kind == .malformed)
    }

    @Test(
        "an identity with a field that nobody knows is refused, and the field's name is not printed where it could do harm"
    )
    func unknown() throws {
        for (name, shown) in [("email", true), ("\u{1b}[2J", false), (String(repeating: "x", count: 10_000), false)] {
            let block = try resigned([name], .text("x"))
            let error = refusal { _ = try SignedIdentity(block: block) }
            #expect(error.kind == .unsupported)
            #expect(error.reason.contains(name) == shown)
        }
        for path in [["extra"], ["signatures", "0", "extra"]] {
            let block = try DAGCBOR.encode(value.changing(path, to: .null))
            #expect(refusal { _ = try SignedIdentity(block: block) }.kind == .unsupported)
        }
    }

    @Test(
        "identities with names that could mislead a person at a terminal are refused",
        arguments: [
            "", "  ", "a\nb", "a\0b", "\u{1b}[31mroot", "alice\u{202e}bob", "a\u{200b}b", "a\u{2028}b",
            String(repeating: "n", count: 129), String(repeating: "n", count: 10_000),
        ])
    func names(_ name: String) throws {
        let block = try resigned(["name"], .text(name))
        #expect(refusal { _ = try SignedIdentity(block: block) }.kind == .malformed)
        #expect(refusal { _ = try Person(name) }.kind == .malformed)
    }

    @Test("an identity with a time before 1970 or after 9999 is refused")
    func times() throws {
        for time in [DAGCBOR.Value.integer(-1), .integer(253_402_300_800), .unsigned(.max), .float(1)] {
            let block = try resigned(["created"], time)
            #expect(refusal { _ = try SignedIdentity(block: block) }.kind == .malformed)
        }
    }

    @Test("an identity with a kem to which nobody could seal is refused")
    func kem() throws {
        let kem = alice.kem
        let bad: [[UInt8]] = [
            [], Array(kem.dropLast()), kem + [0],
            // X25519: the point 0, of small order.
            kem.dropLast(32) + [UInt8](repeating: 0, count: 32),
            // ML-KEM: coefficients that are not reduced.
            [UInt8](repeating: 0xff, count: 384) + kem.dropFirst(384),
        ]
        for kem in bad {
            let block = try resigned(["kem"], .bytes(kem))
            #expect(refusal { _ = try SignedIdentity(block: block) }.reason.contains("kem"))
        }
    }

    @Test("identities with signing keys of other kinds, lengths and forms are refused")
    func signingKeys() throws {
        let p256 = P256.Signing.PrivateKey().publicKey
        let bad: [[UInt8]] = [
            [], [0xed], [0xed, 0x01], [0xed, 0x01] + [UInt8](repeating: 7, count: 31),
            [0xe7, 0x01] + Array(p256.compressedRepresentation), [0x80, 0x24] + Array(p256.x963Representation),
            [0x80, 0x24, 0x02] + [UInt8](repeating: 0xff, count: 32),
            [0xed, 0x01] + [UInt8](repeating: 0, count: 32),
        ]
        for key in bad {
            let block = try resigned(["signing"], .bytes(key))
            _ = refusal(hex(key)) { _ = try SignedIdentity(block: block) }
        }
        let k1 = try PublicKey(.secp256k1, raw: bytes(PublicKeyTests.secp256k1Point))
        #expect(refusal { _ = try SigningKey(k1) }.kind == .invalidArgument)
    }

    @Test("a P-256 signature with s in the upper half is refused on a document, and brought down when one is made")
    func highS() throws {
        var seen: Set<Bool> = []
        while seen.count < 2 {
            var made: [UInt8] = []
            let key = P256.Signing.PrivateKey()
            let identity = try Identity(
                name: "p", created: 0, signing: Person.publicKey(.p256(key)), kem: alice.kem)
            let document = try SignedIdentity(signing: identity) {
                made = try Person.sign($0, $1, with: .p256(key))
                return made
            }
            let high = try !ECDSASignature(raw: made, algorithm: .p256).isLowS
            seen.insert(high)
            guard high else { continue }
            let block = try DAGCBOR.encode(
                DAGCBOR.decode(document.block).changing(["signatures", "0", "sig"], to: .bytes(made)))
            #expect(refusal { _ = try SignedIdentity(block: block) }.reason.contains("lower half"))
        }
    }

    @Test("a signature that was made for another context does not count for an identity")
    func context() throws {
        for context in SignedBytes.contexts where context != SignedBytes.identity {
            let error = refusal(context) {
                _ = try SignedIdentity(signing: alice.document.identity) { try alice.sign(context, $1) }
            }
            #expect(error.kind == .badSignature)
        }
    }

    @Test("an identity with no signature, two, or signatures by others is refused")
    func signatures() throws {
        guard case .map(let map) = value, case .list(let list)? = map["signatures"] else {
            throw TestFailure("the document has no such field")
        }
        for wrong in [[], list + list] {
            let block = try DAGCBOR.encode(value.changing(["signatures"], to: .list(wrong)))
            #expect(refusal { _ = try SignedIdentity(block: block) }.kind == .badSignature)
        }
        for role in ["previous", "recovery", "mallory", "pq", ""] {
            let block = try DAGCBOR.encode(value.changing(["signatures", "0", "by"], to: .text(role)))
            _ = refusal(role) { _ = try SignedIdentity(block: block) }
        }
        for length in [0, 63, 65] {
            let sig = DAGCBOR.Value.bytes([UInt8](repeating: 1, count: length))
            let block = try DAGCBOR.encode(value.changing(["signatures", "0", "sig"], to: sig))
            #expect(refusal { _ = try SignedIdentity(block: block) }.kind == .malformed)
        }
    }

    @Test("an identity that says it replaces another, and brings nobody's consent, is refused")
    func rotation() throws {
        let block = try resigned(["previous"], .link(alice.cid))
        let error = refusal { _ = try SignedIdentity(block: block) }
        #expect(error.kind == .badSignature)
        let raw = CID(hashing: [1], codec: .raw)
        #expect(refusal { _ = try SignedIdentity(block: resigned(["previous"], .link(raw))) }.kind == .malformed)
    }

    @Test("an identity carries its recovery key's hash, which has 32 bytes")
    func recovery() throws {
        let hash = [UInt8](repeating: 9, count: 32)
        #expect(try SignedIdentity(block: resigned(["recovery"], .bytes(hash))).identity.recovery == hash)
        let block = try resigned(["recovery"], .bytes(hash + [1]))
        #expect(refusal { _ = try SignedIdentity(block: block) }.kind == .malformed)
    }

    @Test("an identity with a post-quantum key needs its signature as well, after the other")
    func postQuantum() throws {
        let pq = try MLDSA65.PrivateKey()
        let identity = try Identity(
            name: "alice", created: 0, signing: Person.publicKey(alice.signing), kem: alice.kem,
            pq: Array(pq.publicKey.rawRepresentation))
        let own = DocumentSignature(role: .own, signature: try alice.sign(SignedBytes.identity, identity.hash))
        let message = try SignedBytes.make(context: SignedBytes.identity, hash: identity.hash)
        let second = DocumentSignature(role: .pq, signature: Array(try pq.signature(for: message)))
        let good = try SignedIdentity(block: SignedIdentity.encode(identity, [own, second]))
        #expect(good.identity.pq == Array(pq.publicKey.rawRepresentation))

        let other = DocumentSignature(
            role: .pq, signature: Array(try MLDSA65.PrivateKey().signature(for: message)))
        let contextual = DocumentSignature(
            role: .pq, signature: Array(try pq.signature(for: message, context: Array("x".utf8))))
        for wrong in [[own], [second], [second, own], [own, other], [own, contextual], [own, second, second]] {
            _ = refusal { _ = try SignedIdentity(block: SignedIdentity.encode(identity, wrong)) }
        }
        // And one that names no such key may not bring its signature along.
        let plain = alice.document.identity
        let ownPlain = DocumentSignature(role: .own, signature: try alice.sign(SignedBytes.identity, plain.hash))
        #expect(
            refusal { _ = try SignedIdentity(block: SignedIdentity.encode(plain, [ownPlain, second])) }.kind
                == .badSignature)
    }

    @Test("a block that is not an identity at all is refused")
    func garbage() throws {
        var random = SeededGenerator()
        for _ in 0..<2000 {
            let garbage = random.bytes(Int.random(in: 0..<200, using: &random))
            _ = refusal("seed \(random.seed)") { _ = try SignedIdentity(block: garbage) }
        }
        _ = refusal { _ = try SignedIdentity(block: [UInt8](repeating: 0x80, count: SignedIdentity.maximumSize + 1)) }
        let envelope = try alice.seal("x", to: [alice])
        _ = refusal { _ = try SignedIdentity(block: envelope.block) }
    }

    @Test("an identity's key signs only in known contexts, and only whole hashes")
    func signedBytes() throws {
        let hash = [UInt8](repeating: 3, count: 32)
        #expect(try SignedBytes.make(context: "dta/audit/1", hash: hash) == Array("dta/audit/1".utf8) + [0] + hash)
        #expect(refusal { _ = try SignedBytes.make(context: "dta/other/1", hash: hash) }.kind == .invalidArgument)
        #expect(refusal { _ = try SignedBytes.make(context: "dta/audit/1", hash: [1]) }.kind == .invalidArgument)
    }
}
