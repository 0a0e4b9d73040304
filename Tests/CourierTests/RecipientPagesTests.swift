import DTASystem
import Testing

@testable import DTACourier
@testable import DTAFormats

/// CARs that cost whoever reads them more than whoever sends them.
@Suite("Recipients of what a courier brings")
struct RecipientPagesTests {
    private static func identity(_ number: Int) -> CID {
        CID(hashing: Array("identity \(number)".utf8), codec: .dagCBOR)
    }

    /// What looks like a part of an order; nobody signed it.
    private static func part(to: [CID], after previous: CID?) throws -> ContentBlock {
        let envelope = Envelope(
            header: .init(
                from: identity(-1), created: 1, previous: previous, thread: [UInt8](repeating: 1, count: 16),
                content: OrderPartKind.redemption.contentType),
            sealing: .init(
                recipients: .paged(to: to, wraps: to), salt: [UInt8](repeating: 2, count: 32),
                commit: [UInt8](repeating: 3, count: 32)),
            content: .body([UInt8](repeating: 4, count: 16)))
        let signature = DocumentSignature(role: .own, signature: [UInt8](repeating: 5, count: 64))
        return ContentBlock(
            hashing: try DAGCBOR.encode(.map(["envelope": envelope.value, "signatures": .list([signature.value])])),
            codec: .dagCBOR)
    }

    private static func car(_ root: CID, _ blocks: [ContentBlock]) throws -> [UInt8] {
        var bytes: [UInt8] = []
        var writer = try CARWriter(roots: [root]) { bytes += $0 }
        for block in blocks { try writer.append(block) }
        return bytes
    }

    @Test("envelopes with the same pages share what is read from them, and each is for all who are named there")
    func shared() throws {
        let people = (0..<1000).map(Self.identity).sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
        let pages = try ListPages.cut(people.map { .link($0) }, perPage: Envelope.listedRecipients)
        var chain: [ContentBlock] = []
        for _ in 0..<500 { chain.append(try Self.part(to: pages.map(\.cid), after: chain.last?.cid)) }
        let root = try #require(chain.last?.cid)
        let car = try Self.car(root, pages + chain)
        let consignment = try Consignment(car: car)
        #expect(consignment.envelopes.count == 500 && consignment.dropped == 0)
        #expect(
            consignment.concerns([people[777]], root: root) && consignment.concerns([Self.identity(-1)], root: root))
        #expect(!consignment.concerns([Self.identity(1000)], root: root))
        // Reading is work, too: it ends when the courier's time does.
        let late = #expect(throws: DTAError.self) { try Consignment(car: car, deadline: monotonicNanoseconds()) }
        #expect(late?.code == .unavailable)
    }

    @Test("more lists of pages than parts of orders have are refused, whether the pages are there or not")
    func tooMany() throws {
        var chain: [ContentBlock] = []
        for number in 0...ConsignmentContents.pageLimit / 4 {
            let pages = (0..<4).map { Self.identity(4 * number + $0) }
            chain.append(try Self.part(to: pages, after: chain.last?.cid))
        }
        let most = Array(chain.dropLast())
        #expect(try Consignment(car: Self.car(most[most.count - 1].cid, most)).envelopes.count == most.count)
        let error = #expect(throws: DTAError.self) {
            try Consignment(car: Self.car(chain[chain.count - 1].cid, chain))
        }
        #expect(error?.code == .invalidArgument && error?.message.contains("pages of recipients") == true)
    }

    @Test("a CAR may have some roots that are documents of their own; more are refused one by one")
    func documents() throws {
        let count = ConsignmentContents.documentLimit + 3
        let blocks = try (0..<count).map { number in
            ContentBlock(
                hashing: try DAGCBOR.encode(
                    .map(["identity": .integer(Int64(number)), "signatures": .list([])])), codec: .dagCBOR)
        }
        var bytes: [UInt8] = []
        var writer = try CARWriter(roots: blocks.map(\.cid)) { bytes += $0 }
        for block in blocks { try writer.append(block) }
        #expect(try Consignment(car: bytes).strangers.count == 3)
    }
}
