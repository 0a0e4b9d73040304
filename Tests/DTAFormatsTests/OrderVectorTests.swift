import DTABytes
import Foundation
import TestSupport
import Testing

@testable import DTAFormats

extension VectorTests {
    @Test("the order of the vectors is sound for an auditor without a key, and for one who can open every part")
    func order() throws {
        let vector = try VectorFile.order.read(OrderVector.self)
        var blocks: [CID: [UInt8]] = [:]
        var plaintexts: [CID: [UInt8]] = [:]
        var documents = CollectedDocuments()
        let people = try vector.people.map { try $0.person() }
        for person in vector.people { documents.add(try ContentBlock(bytes(person.block), named: CID(person.cid))) }
        for part in vector.parts {
            let block = try ContentBlock(bytes(part.block), named: CID(part.cid))
            blocks[block.cid] = block.bytes
            documents.add(block)
            let envelope = try SignedEnvelope(block: block.bytes).envelope
            let recipient = try #require(people.first { $0.cid.description == part.opens.to })
            let key = try recipient.unwrap(envelope.wrap(for: recipient.cid), of: envelope)
            #expect(hex(key) == part.contentKey)
            let plaintext = try EnvelopeOpener.open(envelope, contentKey: key)
            #expect(hex(plaintext) == part.plaintext)
            let kind = try #require(OrderPartKind(rawValue: part.kind))
            #expect(try OrderPart(plaintext, as: kind).encoded() == plaintext)
            plaintexts[block.cid] = plaintext
        }
        for person in documents.identities { blocks[person.cid] = person.block }
        #expect(Set(vector.parts.map(\.kind)) == Set(OrderPartKind.allCases.map(\.rawValue)))
        let order = try CID(vector.parts[0].cid)
        for plaintexts in [[:], plaintexts] {
            let thread = try OrderThread(
                order, in: documents, blocks, plaintexts: plaintexts.mapValues { SecretReference(copying: $0) })
            #expect(thread.verdict == .sound, "\(thread.findings)")
            #expect(thread.parts.count == vector.parts.count)
        }
        #expect(try OrderThread.orders(in: documents, blocks) == [order])
        guard case .deposit(let deposit) = try OrderPart(plaintexts[CID(vector.parts[2].cid)] ?? [], as: .deposit)
        else {
            return
        }
        let secret = try Secp256k1Scalar(bytes(vector.seed))
        #expect(
            hex(try SafeguardCipher.open(deposit.sealed, with: secret, commitment: deposit.commitment).array)
                == vector.deposited)
    }
}
