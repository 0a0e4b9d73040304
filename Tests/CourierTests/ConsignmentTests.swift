import DTACourier
import DTAFormats
import DTASystem
import Testing

@Suite struct ConsignmentTests {
    private func car(_ roots: [CID], _ blocks: [ContentBlock]) throws -> [UInt8] {
        var bytes: [UInt8] = []
        var writer = try CARWriter(roots: roots) { bytes += $0 }
        for block in blocks { try writer.append(block) }
        return bytes
    }

    @Test("bytes that are no whole CAR of version 1 are refused with a sentence, whatever they are")
    func garbage() throws {
        let block = ContentBlock(hashing: Array("hello".utf8), codec: .raw)
        let good = try car([block.cid], [block])
        var damaged = good
        damaged[damaged.count - 1] ^= 1
        for bytes in [[], Array("nonsense".utf8), Array(good.dropLast()), damaged, good + [5]] {
            let error = try #require(throws: DTAError.self) { _ = try Consignment(car: bytes) }
            #expect(error.code == .invalidArgument)
        }
        #expect(try Consignment(car: good).roots == [block.cid])
    }

    @Test("a CAR that is larger than a courier takes is refused before it is read")
    func tooLarge() throws {
        let error = try #require(throws: DTAError.self) {
            _ = try Consignment(car: [UInt8](repeating: 0, count: Consignment.maximumSize + 1))
        }
        #expect(error.code == .invalidArgument && error.message.contains("16 MiB"))
    }

    @Test("a root that a CAR names twice, or that is not in it, is one root and stays named")
    func roots() throws {
        let block = ContentBlock(hashing: Array("hello".utf8), codec: .raw)
        let other = CID(hashing: Array("away".utf8), codec: .dagCBOR)
        let read = try Consignment(car: car([other, block.cid, other], [block, block]))
        #expect(read.roots == [other, block.cid])
    }
}
