import Foundation
import TestSupport
import Testing

@testable import DTAFormats

/// The seeds of `Tests/fuzz/corpus`: what fuzzing starts with, and what it once found. Here each is read again, so that
/// what was mended stays mended.
@Suite("Seeds for fuzzing", .serialized)
struct FuzzCorpusTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../fuzz/corpus").standardizedFileURL

    /// `DTA_WRITE_VECTORS=1` writes those that the project's own code makes.
    init() throws {
        guard ProcessInfo.processInfo.environment["DTA_WRITE_VECTORS"] != nil, !FuzzCorpusTests.written else { return }
        for (target, seeds) in try FuzzSeeds.all() {
            let folder = FuzzCorpusTests.folder.appendingPathComponent(target)
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            for (name, bytes) in seeds { try Data(bytes).write(to: folder.appendingPathComponent(name)) }
        }
        FuzzCorpusTests.written = true
    }

    // One test of this suite runs at a time.
    nonisolated(unsafe) private static var written = false

    private func seeds(_ target: String) throws -> [(name: String, bytes: [UInt8])] {
        let folder = FuzzCorpusTests.folder.appendingPathComponent(target)
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
        #expect(names.count >= 4)
        return try names.map { ($0, Array(try Data(contentsOf: folder.appendingPathComponent($0)))) }
    }

    @Test("seeds that are read as DAG-CBOR are written again the same")
    func dagCBOR() throws {
        for seed in try seeds("dag-cbor") {
            guard let value = try? DAGCBOR.decode(seed.bytes) else { continue }
            #expect(try DAGCBOR.encode(value) == seed.bytes, "\(seed.name)")
        }
    }

    @Test("seeds that are read as CIDs are written again the same")
    func cids() throws {
        for seed in try seeds("cid") {
            if let cid = try? CID(bytes: seed.bytes) { #expect(try CID(cid.description) == cid, "\(seed.name)") }
            let text = String(decoding: seed.bytes, as: UTF8.self)
            if let cid = try? CID(text) { #expect(cid.description == text, "\(seed.name)") }
        }
    }

    @Test("seeds are read as addresses, secret keys, points, shares and safeguarded secrets, each kind at least once")
    func wallets() throws {
        let secret = try Secp256k1Scalar([UInt8](repeating: 1, count: Secp256k1Scalar.byteCount))
        var read: Set<String> = []
        for seed in try seeds("wallet") {
            if let address = try? BitcoinAddress(String(decoding: seed.bytes, as: UTF8.self)) {
                #expect(try BitcoinAddress(address.description) == address, "\(seed.name)")
                read.insert("\(address.kind)")
            }
            if let (key, network) = try? WIF.decode(seed.bytes) {
                #expect(WIF.encode(key, network).array == seed.bytes, "\(seed.name)")
                read.insert("wif")
            }
            if (try? Secp256k1PublicKey(seed.bytes)) != nil { read.insert("point") }
            if let shares = try? WalletShares(seed.bytes) {
                #expect(try shares.encoded() == seed.bytes, "\(seed.name)")
                read.insert("shares")
            }
            let commitment = CID(hashing: [], codec: .dagCBOR)
            if (try? SafeguardCipher.open(seed.bytes, with: secret, commitment: commitment)) != nil {
                read.insert("safeguarded")
            }
        }
        #expect(read == ["p2pkh", "p2wpkh", "p2tr", "wif", "point", "shares", "safeguarded"])
    }

    @Test("seeds that are CARs are read to their end or their damage, and what is in them is verified")
    func archives() throws {
        var envelopes = 0
        for seed in try seeds("car") {
            var rest = seed.bytes[...]
            guard
                var reader = try? CARReader({
                    defer { rest = rest.dropFirst(100) }
                    return Array(rest.prefix(100))
                })
            else { continue }
            var blocks: [CID: [UInt8]] = [:]
            var documents = CollectedDocuments()
            while let block = try? reader.next() {
                blocks[block.cid] = block.bytes
                documents.add(block)
            }
            var verifier = EnvelopeVerifier(blocks, known: documents.known)
            for cid in documents.envelopes { #expect(try verifier.verify(cid).signed != nil, "\(seed.name)") }
            envelopes += documents.envelopes.count
        }
        #expect(envelopes > 0)
    }

    @Test("seeds that are identities, revocations and envelopes are read or refused, and some of each are read")
    func documents() throws {
        var read: [DocumentKind: Int] = [:]
        for seed in try seeds("identity") + seeds("envelope") {
            if let document = try? SignedIdentity(block: seed.bytes) {
                #expect(document.cid.names(seed.bytes), "\(seed.name)")
                read[.identity, default: 0] += 1
            }
            if (try? SignedRevocation(block: seed.bytes)) != nil { read[.revocation, default: 0] += 1 }
            if let signed = try? SignedEnvelope(block: seed.bytes) {
                #expect(signed.envelope.contentSize >= 0, "\(seed.name)")
                read[.envelope, default: 0] += 1
            }
        }
        #expect(Set(read.keys) == [.identity, .revocation, .envelope])
    }

    @Test("seeds that are parts of orders are read under one kind, and written again the same")
    func orders() throws {
        var read: Set<OrderPartKind> = []
        for seed in try seeds("order") {
            guard let first = seed.bytes.first else { continue }
            let kind = OrderPartKind.allCases[Int(first) % OrderPartKind.allCases.count]
            let plaintext = Array(seed.bytes.dropFirst())
            guard let part = try? OrderPart(plaintext, as: kind) else { continue }
            #expect(try part.encoded() == plaintext, "\(seed.name)")
            read.insert(kind)
        }
        #expect(read == Set(OrderPartKind.allCases))
    }
}
