import Crypto
import TestSupport

@testable import DTAFormats

/// Small examples of everything that a decoder reads, for fuzzing to start with.
enum FuzzSeeds {
    typealias Seeds = [(name: String, bytes: [UInt8])]

    static func all() throws -> [String: Seeds] {
        let alice = try Person("alice")
        let bob = try Person("bob", p256: true)
        let envelopes = try envelopes(alice, bob)
        let identities = try identities(alice, bob)
        return [
            "dag-cbor": try values() + [("identity", alice.document.block)], "cid": cids(), "identity": identities,
            "envelope": envelopes, "order": try orders(), "car": try archives(alice, bob, envelopes, identities),
            "wallet": try wallets(),
        ]
    }

    /// One of each kind of value, and what breaks each rule.
    private static func values() throws -> Seeds {
        let link = DAGCBOR.Value.link(CID(hashing: [], codec: .raw))
        let value = DAGCBOR.Value.map([
            "list": .list([.null, .bool(true), .unsigned(.max), .negative(1000), .float(1.5), .bytes([1, 2]), link]),
            "map": .map(["a": .text("é"), "bb": .map([:])]), "empty": .list([]),
        ])
        var seeds: Seeds = [("all-kinds", try DAGCBOR.encode(value))]
        var rules: Set<String> = []
        for vector in try RefusedVectors.read() where rules.insert(vector.rule).inserted {
            seeds.append(("refused-" + vector.rule, try bytes(vector.bytes)))
        }
        return seeds
    }

    private static func cids() -> Seeds {
        let (raw, document) = (CID(hashing: [1], codec: .raw), CID(hashing: [2], codec: .dagCBOR))
        return [
            ("raw-bytes", raw.bytes), ("document-bytes", document.bytes), ("raw-text", Array(raw.description.utf8)),
            ("document-text", Array(document.description.utf8)),
        ]
    }

    private static func wallets() throws -> Seeds {
        let secret = try Secp256k1Scalar([UInt8](repeating: 1, count: Secp256k1Scalar.byteCount))
        let key = secret.publicKey
        let addresses = WalletAddresses(publicKey: key)
        var seeds: Seeds = []
        for kind in BitcoinAddress.Kind.allCases {
            seeds.append(("address-\(kind)", Array(try addresses.address(kind, .mainnet).description.utf8)))
        }
        return seeds + [
            ("address-test", Array(try addresses.p2tr(.testnet).description.uppercased().utf8)),
            ("wif", WIF.encode(secret, .mainnet).array), ("wif-test", WIF.encode(secret, .testnet).array),
            ("point", key.bytes),
            ("shares", try WalletShares([key, key.negative]).encoded()),
            (
                "safeguarded",
                try SafeguardCipher.seal([1, 2, 3], to: key, commitment: CID(hashing: [], codec: .dagCBOR))
            ),
        ]
    }

    private static func identities(_ alice: Person, _ bob: Person) throws -> Seeds {
        let recovery = Curve25519.Signing.PrivateKey()
        let key = Array(recovery.publicKey.rawRepresentation)
        func sign(_ context: String, _ hash: [UInt8]) throws -> [UInt8] {
            Array(try recovery.signature(for: SignedBytes.make(context: context, hash: hash)))
        }
        let recoverable = try SignedIdentity(
            signing: Identity(
                name: "carol", created: 1_760_000_000, signing: alice.document.identity.signing, kem: alice.kem,
                recovery: RecoveryKey(raw: key).fingerprint), with: alice.sign)
        let successor = try SignedIdentity(
            signing: Identity(
                name: "carol", created: 1_760_000_001, signing: bob.document.identity.signing, kem: bob.kem,
                previous: recoverable.cid), with: bob.sign, replacing: recoverable,
            by: [.recovery(key: key, sign: sign)])
        let revocation = try SignedRevocation(
            revoking: alice.document, at: 1_760_000_002, by: .previous(sign: alice.sign))
        let recovered = try SignedRevocation(
            revoking: recoverable, at: 1_760_000_003, by: .recovery(key: key, sign: sign))
        return [
            ("ed25519", alice.document.block), ("p256", bob.document.block), ("recoverable", recoverable.block),
            ("successor", successor.block), ("revocation", revocation.block), ("recovered", recovered.block),
            ("unsigned", try alice.document.identity.encoded),
        ]
    }

    private static func envelopes(_ alice: Person, _ bob: Person) throws -> Seeds {
        func signed(_ parts: EnvelopeParts) throws -> [UInt8] {
            try SignedEnvelope(signing: parts.envelope, sender: alice.document, with: alice.sign).block
        }
        let open = try EnvelopeSealer.beginPublic(content: "text/plain", from: alice.cid, created: 1_760_000_004)
        let plan = try ChunkPlan(size: ChunkPlan.blockContent + 1, isSealed: false)
        let blocks = [CID(hashing: [1], codec: .raw), CID(hashing: [2], codec: .raw)]
        // The same keys under many names.
        let crowd = try (0...Envelope.listedRecipients).map { index in
            try Person("reader \(index)", signing: bob.signing, mlkemSeed: bob.mlkemSeed, x25519: bob.x25519).document
        }
        let (many, keys) = try EnvelopeSealer.begin(
            content: "text/plain", from: alice.cid, to: crowd, created: 1_760_000_005)
        let first = try alice.seal("sealed", to: [bob])
        return [
            ("sealed", first.block), ("answer", try bob.seal("answer", to: [alice, bob], answering: first).block),
            ("public", try signed(open.finish(Array("public".utf8), keys: nil))),
            ("chunks", try signed(open.finish(plan, blocks: blocks))),
            ("pages", try signed(many.finish([1], keys: keys))),
        ]
    }

    /// A part of every kind: a byte that tells which, and its plaintext.
    private static func orders() throws -> Seeds {
        try OrderPartTests.all().map { part in
            let number = UInt8(OrderPartKind.allCases.firstIndex(of: part.kind) ?? 0)
            return (part.kind.rawValue, [number] + (try part.encoded()))
        }
    }

    private static func archives(
        _ alice: Person, _ bob: Person, _ envelopes: Seeds, _ identities: Seeds
    ) throws -> Seeds {
        func archive(_ blocks: [ContentBlock]) throws -> [UInt8] {
            var bytes: [UInt8] = []
            var writer = try CARWriter(roots: [blocks[0].cid]) { bytes += $0 }
            for block in blocks { try writer.append(block) }
            return bytes
        }
        func block(_ bytes: [UInt8]) -> ContentBlock { ContentBlock(hashing: bytes, codec: .dagCBOR) }
        let raw = ContentBlock(hashing: [1, 2, 3], codec: .raw)
        let thread = try archive(
            envelopes.prefix(2).map { block($0.bytes) } + [alice, bob].map { block($0.document.block) })
        return [
            ("raw", try archive([raw])), ("empty", try archive([ContentBlock(hashing: [], codec: .raw)])),
            ("thread", thread), ("line", try archive(identities.dropLast().map { block($0.bytes) })),
            ("cut", Array(thread.dropLast(10))),
        ]
    }
}
