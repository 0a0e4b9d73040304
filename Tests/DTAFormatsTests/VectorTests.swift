import Crypto
import Foundation
import TestSupport
import Testing

@testable import DTAFormats

@Suite("Test vectors", .ownThread, .serialized)
struct VectorTests {
    /// `DTA_WRITE_VECTORS=1` makes them anew before they are read.
    init() throws {
        guard ProcessInfo.processInfo.environment["DTA_WRITE_VECTORS"] != nil, !VectorTests.written else { return }
        try VectorGenerator.writeAll()
        VectorTests.written = true
    }

    // One test of this suite runs at a time.
    nonisolated(unsafe) private static var written = false

    @Test("the identity of the vectors is read, verified and named as its vector says")
    func identity() throws {
        let vector = try VectorFile.identity.read(IdentityVector.self)
        let document = try SignedIdentity(block: bytes(vector.person.block), named: CID(vector.person.cid))
        #expect(document.identity.name == vector.person.name)
        #expect(document.identity.created == vector.person.created)
        #expect(hex(document.identity.signing.tagged) == vector.signing)
        #expect(hex(document.identity.kem) == vector.person.kem)
        #expect(hex(try DAGCBOR.encode(document.identity.value)) == vector.identity)
        #expect(hex(try document.identity.hash) == vector.hash)
        let person = try vector.person.person()
        #expect(person.document.identity == document.identity)
    }

    private func check(_ file: VectorFile) throws -> EnvelopeVector {
        let vector = try file.read(EnvelopeVector.self)
        let signed = try SignedEnvelope(block: bytes(vector.block), named: CID(vector.cid))
        let sender = try SignedIdentity(block: bytes(vector.sender.block), named: CID(vector.sender.cid))
        try signed.verify(sender: sender)
        let envelope = signed.envelope
        #expect(hex(try envelope.coreHash) == vector.coreHash)
        #expect(hex(signed.innerHash) == vector.innerHash)
        #expect(hex(try DAGCBOR.encode(envelope.value)) == vector.envelope)
        #expect(envelope.listed.to.map(\.description) == vector.wraps.map(\.to))
        #expect(envelope.sealing.map { hex($0.commit) } == vector.commit)
        #expect(envelope.sealing.map { hex($0.salt) } == vector.salt)
        #expect(hex(envelope.body ?? []) == vector.body)
        let keys = ContentKeys(
            SymmetricKey(data: try bytes(vector.contentKey)), salt: try bytes(vector.salt),
            coreHash: try envelope.coreHash)
        #expect(hex(keys.commit) == vector.commit)
        #expect(hex(keys.body.withUnsafeBytes { Array($0) }) == vector.bodyKey)
        for (recipient, expected) in zip(vector.recipients, vector.wraps) {
            let cid = try CID(recipient.cid)
            let wrap = try envelope.wrap(for: cid)
            #expect(hex(wrap.enc) == expected.enc && hex(wrap.key) == expected.key)
            let key = try KeyUnwrapping.unwrapContentKey(
                coreHash: envelope.coreHash, recipient: cid, enc: wrap.enc, key: wrap.key,
                publicKEM: SignedIdentity(block: bytes(recipient.block), named: cid).identity.kem,
                mlkemSeed: bytes(recipient.mlkemSeed)
            ) { try recipient.person().sharedSecret($0) }
            #expect(hex(key) == expected.contentKey)
            if vector.refused[recipient.cid] != nil {
                #expect(refusal { _ = try EnvelopeOpener.open(envelope, contentKey: key) }.kind == .dataLoss)
            } else {
                #expect(hex(try EnvelopeOpener.open(envelope, contentKey: key)) == vector.plaintext)
            }
        }
        return vector
    }

    @Test("the envelope with two recipients opens for both, by every intermediate value of its vector")
    func twoRecipients() throws {
        let vector = try check(.twoRecipients)
        #expect(vector.recipients.count == 2 && vector.refused.isEmpty)
    }

    @Test("the envelope whose second wrap holds another key opens for the first and is refused by the second")
    func otherKey() throws {
        let vector = try check(.otherKey)
        #expect(vector.refused == [vector.wraps[1].to: "commit"])
        #expect(vector.wraps[0].contentKey != vector.wraps[1].contentKey)
    }

    @Test(
        "Python's cryptography, with nothing of this code, comes to the vectors' values, and finds a vector that is wrong",
        .enabled(if: OtherOpener.isPossible, "needs the environment of Scripts/python, or python3 with both packages"))
    func independently() throws {
        let opener = OtherOpener()
        let result = try opener.check(OtherOpener.vectors)
        #expect(result.status == 0, "\(result.text)\(result.errors)")
        #expect(result.text.contains("checks hold; ML-KEM: "))
        for file in VectorFile.allCases {
            let copy = try TemporaryDirectory()
            for other in VectorFile.allCases {
                var text = try String(contentsOfFile: "\(OtherOpener.vectors)/\(other.rawValue).json", encoding: .utf8)
                if other == file {
                    // One digit of the document's last signature.
                    let block = try #require(text.range(of: "\"block\" : \"", options: .backwards))
                    let digit = text.index(block.upperBound, offsetBy: 300)
                    text.replaceSubrange(digit...digit, with: text[digit] == "0" ? "1" : "0")
                }
                try copy.write("\(other.rawValue).json", text)
            }
            let refused = try opener.check(copy.path)
            #expect(refused.status == 1, "\(file.rawValue)")
        }
    }
}

/// `Tests/vectors/verify.py`.
private struct OtherOpener {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../..").standardizedFileURL.path
    static let vectors = root + "/docs/vectors"
    private static let prepared = root + "/.build/python/bin/python"
    private static let interpreter = access(prepared, X_OK) == 0 ? prepared : "python3"

    static var isPossible: Bool {
        (try? run(interpreter, ["-c", "import cbor2, cryptography"]).status) == 0
    }

    func check(_ vectors: String) throws -> Finished {
        try run(OtherOpener.interpreter, ["-B", OtherOpener.root + "/Tests/vectors/verify.py", vectors])
    }
}
