import TestSupport
import Testing

@testable import DTAFormats

@Suite("CIDs")
struct CIDTests {
    // Published widely: the raw CID of "hello world" and the DAG-CBOR CID of the empty map, as Kubo prints them.
    static let hello = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e"
    static let emptyMap = "bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua"

    @Test("a block's CID is the one that IPFS gives it")
    func known() throws {
        #expect(CID(hashing: Array("hello world".utf8), codec: .raw).description == CIDTests.hello)
        #expect(CID(hashing: [0xa0], codec: .dagCBOR).description == CIDTests.emptyMap)
        #expect(try CID(CIDTests.hello).names(Array("hello world".utf8)))
        #expect(try !CID(CIDTests.hello).names(Array("hello World".utf8)))
    }

    @Test("bytes and text of a CID lead back to it")
    func roundTrip() throws {
        var random = SeededGenerator()
        for codec in CID.Codec.allCases {
            for _ in 0..<50 {
                let cid = CID(hashing: random.bytes(40), codec: codec)
                #expect(try CID(bytes: cid.bytes) == cid, "seed \(random.seed)")
                #expect(try CID(cid.description) == cid, "seed \(random.seed)")
                #expect(cid.codec == codec)
                #expect(cid.bytes.count == CID.byteCount)
            }
        }
    }

    @Test(
        "a text that is not a CID's one spelling is refused",
        arguments: [
            "", "b", hello.uppercased(), "B" + hello.dropFirst(), "z" + hello.dropFirst(), "f01551220", hello + "=",
            hello + "a", String(hello.dropLast()), " " + hello, hello + "\n",
            "QmWATWQ7fVPP2EFGu71UkfnqhYXDYH566qy47CnJDgvs8u",
            hello.replacing("k", with: "1"), hello.replacing("z", with: "Z"),
        ])
    func text(_ text: String) {
        #expect(refusal(text) { _ = try CID(text) }.kind == .malformed)
    }

    @Test("unused bits at the end of a CID's text must be zero")
    func trailingBits() {
        // The last letter holds three bits of the hash and two unused ones.
        let other = String(CIDTests.hello.dropLast()) + "f"
        #expect(refusal { _ = try CID(other) }.kind == .notCanonical)
    }

    @Test("bytes that are not a CID of version 1, raw or DAG-CBOR, SHA-256 are refused")
    func badBytes() throws {
        let good = try CID(CIDTests.emptyMap).bytes
        for (index, wrong) in [(0, UInt8(0)), (0, 2), (1, 0x70), (1, 0x29), (2, 0x13), (2, 0x00), (3, 0x1f), (3, 0x40)]
        {
            var bad = good
            bad[index] = wrong
            #expect(refusal("byte \(index)") { _ = try CID(bytes: bad) }.kind == .unsupported)
        }
        // The version as a varint of two bytes.
        #expect(refusal { _ = try CID(bytes: [0x81, 0x00] + good.dropFirst()) }.kind == .malformed)
        #expect(refusal { _ = try CID(bytes: [0x81, 0x00] + good.dropFirst().dropLast()) }.kind == .unsupported)
        #expect(refusal { _ = try CID(bytes: good.dropLast()) }.kind == .malformed)
        #expect(refusal { _ = try CID(bytes: good + [0]) }.kind == .malformed)
        #expect(refusal { _ = try CID(bytes: []) }.kind == .malformed)
    }
}
