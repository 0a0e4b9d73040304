import DTAFormats
import DTASystem

/// What one host hands to another: a CAR (https://ipld.io/specs/transport/car/carv1/) in memory, whose roots are parts of
/// orders, with their history, the documents of whoever wrote or may read them, and what is known of those. Whoever
/// carries it can neither read nor alter what is in it.
public struct Consignment: Sendable {
    /// The most bytes that a courier takes and a gateway answers.
    public static let maximumSize = 16 << 20
    public static let mediaType = "application/vnd.ipld.car"

    struct Entry: ArchiveEntry {
        let block: ContentBlock
        let kind: DocumentKind

        var cid: CID { block.cid }
        var size: Int { block.bytes.count }
    }

    /// The parts that it brings, in the order in which they are to be received; they need not be in it.
    public let roots: [CID]
    /// As they go into a ledger.
    let entries: [Entry]
    /// What claims to be an envelope and is one.
    let envelopes: [CID: Envelope.Header]

    /// Reads and hashes all of a CAR.
    /// - Throws: `DTAError.invalidArgument` for what is too large, cut short, damaged, or no CAR.
    public init(car: [UInt8]) throws {
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
            var seen: Set<CID> = []
            var entries: [Entry] = []
            while let block = try reader.next() {
                guard seen.insert(block.cid).inserted else { continue }
                entries.append(Entry(block: block, kind: DocumentKind(of: block)))
            }
            self.init(roots: reader.roots, entries: try ImportOrder.of(entries) { $0.block.bytes })
        } catch let error as FormatError {
            throw DTAError(.invalidArgument, "what was brought cannot be read: \(error.reason)")
        }
    }

    private init(roots: [CID], entries: [Entry]) {
        var places: [CID: Int] = [:]
        var envelopes: [CID: Envelope.Header] = [:]
        for (place, entry) in entries.enumerated() where entry.kind == .envelope {
            places[entry.cid] = place
            envelopes[entry.cid] = (try? SignedEnvelope(block: entry.block.bytes))?.envelope.header
        }
        var seen: Set<CID> = []
        // Stable, so that those which are not in it keep their order, behind the others.
        self.roots = roots.filter { seen.insert($0).inserted }.enumerated().sorted { one, other in
            let (a, b) = (places[one.element] ?? .max, places[other.element] ?? .max)
            return a == b ? one.offset < other.offset : a < b
        }.map(\.element)
        self.entries = entries
        self.envelopes = envelopes
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
