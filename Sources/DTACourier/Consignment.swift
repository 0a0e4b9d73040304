import DTAFormats
import DTASystem

/// What one host sends to another: a CAR (https://ipld.io/specs/transport/car/carv1/) in memory, whose roots are parts
/// of orders, with their history, the documents of their senders and recipients, and what is known of these. A courier
/// can neither read nor alter them.
public struct Consignment: Sendable {
    /// The most bytes that a courier takes and a gateway answers.
    public static let maximumSize = 16 << 20
    public static let mediaType = "application/vnd.ipld.car"
    /// The most blocks of a CAR: several times those of 16 MiB of the smallest parts.
    static let blockLimit = 20_000

    struct Entry: ArchiveEntry {
        let block: ContentBlock
        let kind: DocumentKind

        var cid: CID { block.cid }
        var size: Int { block.bytes.count }
    }

    /// The parts that it brings, in the order in which they are to be received; they need not be in it.
    public let roots: [CID]
    /// The blocks that belong to the roots, in the order of import.
    let entries: [Entry]
    /// How many of them are documents of identities, or revocations.
    public var documentCount: Int { entries.count { $0.kind == .identity || $0.kind == .revocation } }
    /// The kinds that the blocks of `entries` claim to be.
    let kinds: [CID: DocumentKind]
    /// Those of them that are envelopes.
    public let envelopes: [CID: Envelope.Header]
    /// Roots that are in the CAR and that no courier brings.
    let strangers: Set<CID>
    /// How many blocks do not belong to the roots: they are not stored.
    public let dropped: Int
    private let readers: [CID: Set<CID>]
    private let documents: KnownDocuments

    /// Reads and hashes all of a CAR.
    /// - Parameter deadline: when it gives up, by `monotonicNanoseconds()`.
    /// - Throws: `DTAError.invalidArgument` if it is too large, has too many blocks or recipients, is cut short,
    ///   damaged, or no CAR; `unavailable` at the deadline.
    public init(car: [UInt8], deadline: UInt64? = nil) throws {
        guard car.count <= Consignment.maximumSize else {
            throw DTAError(.invalidArgument, "the CAR is larger than \(Consignment.maximumSize >> 20) MiB")
        }
        do {
            var isRead = false
            var reader = try CARReader {
                defer { isRead = true }
                return isRead ? [] : car
            }
            guard reader.roots.count <= Courier.partLimit else {
                throw FormatError(
                    .invalidArgument, "\(reader.roots.count) parts at once, and at most \(Courier.partLimit) are taken")
            }
            var blocks: [CID: ContentBlock] = [:]
            var order: [CID] = []
            while let block = try reader.next() {
                try Courier.check(deadline)
                guard blocks.updateValue(block, forKey: block.cid) == nil else { continue }
                order.append(block.cid)
                guard order.count <= Consignment.blockLimit else {
                    throw FormatError(.invalidArgument, "it has more than \(Consignment.blockLimit) blocks")
                }
            }
            var contents = ConsignmentContents(blocks, deadline: deadline)
            for root in reader.roots { try contents.add(root: root) }
            try contents.addHistories()
            let entries = order.filter { contents.kinds[$0] != nil }.compactMap { cid in
                blocks[cid].map { Entry(block: $0, kind: contents.kinds[cid] ?? .block) }
            }
            self.init(
                reader.roots, try ImportOrder.of(entries) { $0.block.bytes }, contents,
                dropped: order.count - entries.count)
        } catch let error as FormatError {
            throw DTAError(.invalidArgument, "what was brought cannot be read: \(error.reason)")
        }
    }

    private init(_ roots: [CID], _ entries: [Entry], _ contents: ConsignmentContents, dropped: Int) {
        var places: [CID: Int] = [:]
        for (place, entry) in entries.enumerated() where entry.kind == .envelope { places[entry.cid] = place }
        var seen: Set<CID> = []
        // Stable, so that roots that are not in it keep their order, after the others.
        self.roots = roots.filter { seen.insert($0).inserted }.enumerated().sorted { one, other in
            let (a, b) = (places[one.element] ?? .max, places[other.element] ?? .max)
            return a == b ? one.offset < other.offset : a < b
        }.map(\.element)
        self.entries = entries
        self.dropped = dropped
        kinds = contents.kinds
        envelopes = contents.envelopes
        strangers = contents.strangers
        documents = contents.documents
        readers = contents.readers
    }

    /// Whether a root concerns some identities: a part that one of them, or a proven successor, sent or may read, or
    /// that continues such a part; or the document of one of them.
    public func concerns(_ identities: Set<CID>, root: CID) -> Bool {
        var line = identities
        var waiting = Array(identities)
        while let cid = waiting.popLast() {
            waiting += documents.successors(of: cid).map(\.successor).filter { line.insert($0).inserted }
        }
        if line.contains(root) || documents.revocations.contains(where: { $0.cid == root && line.contains($0.revokes) })
        {
            return true
        }
        return ([root] + ancestors(of: root)).contains { cid in
            guard let header = envelopes[cid] else { return false }
            return line.contains(header.from) || !line.isDisjoint(with: readers[cid] ?? [])
        }
    }

    /// The envelopes in it that an envelope continues, the first one first.
    func ancestors(of cid: CID) -> [CID] {
        var chain: [CID] = []
        var next = envelopes[cid]?.previous
        // A chain of hashes has no loops.
        while let cid = next, let header = envelopes[cid] {
            chain.append(cid)
            next = header.previous
        }
        return chain.reversed()
    }
}
