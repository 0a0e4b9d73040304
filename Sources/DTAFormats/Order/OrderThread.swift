/// The whole of an order as its parts show it: who made which part, what each answers, what does not fit.
///
/// Without any key it is the public skeleton: senders, signatures, links, the order of parts, who they are sealed to.
/// That is enough to prove that something was ordered, committed to, asked for and released, and by whom; not what. With
/// plaintexts the contents are checked against each other as well.
public struct OrderThread: Sendable {
    /// One part, as its envelope shows it.
    public struct Part: Sendable {
        public let kind: OrderPartKind
        public let signed: SignedEnvelope
        /// To whom it is sealed; empty where a list is not there.
        public let recipients: [CID]
        /// Whether its signature fits, and how its sender stands.
        public let finding: EnvelopeFinding
        /// What it says, where somebody has opened it.
        public internal(set) var contents: OrderPart?

        public var cid: CID { signed.cid }
        public var header: Envelope.Header { signed.envelope.header }
    }

    /// Something that does not fit, or is not there.
    public struct Finding: Sendable, Hashable {
        public enum Code: String, Sendable, CaseIterable {
            /// A part, or a document, is not there.
            case missing
            /// A part is no valid envelope, or its signature does not fit.
            case envelope
            /// By somebody who has no part in the order, or not this one.
            case thirdParty = "third-party"
            /// It answers a part that it cannot answer.
            case outOfOrder = "out-of-order"
            /// A second commitment: the fiduciary dealt doubly.
            case secondCommitment = "second-commitment"
            /// The fiduciary said yes and no, or released what it had destroyed.
            case contradiction
            /// Two releases of one use.
            case fork
            /// It is sealed to others than it should be.
            case recipients
            /// A plaintext contradicts the order or another part.
            case contents
        }

        /// The part that it is about.
        public let part: CID
        public let code: Code
        public let sentence: String

        public var verdict: EnvelopeFinding.Verdict { code == .missing ? .incomplete : .bad }
    }

    /// The order: part 1.
    public let order: CID
    /// Nil where part 1 is not there.
    public let reference: OrderReference?
    /// Each behind what it answers, those that are as far along by their time, kind and name.
    public internal(set) var parts: [Part] = []
    public internal(set) var findings: [Finding] = []
    let known: KnownDocuments
    /// Where each part is in `parts`, and the places of those that answer it: a thread may have thousands.
    private var places: [CID: Int] = [:]
    private var answering: [CID: [Int]] = [:]
    private var noted: Set<Finding> = []

    /// Sound: all that is there fits, and nothing that it links to is missing. How far the order has come is another
    /// question.
    public var verdict: EnvelopeFinding.Verdict {
        if findings.contains(where: { $0.verdict == .bad }) { return .bad }
        return findings.isEmpty ? .sound : .incomplete
    }

    /// The orders whose part 1 is among these documents.
    public static func orders(in documents: CollectedDocuments, _ source: some BlockSource) throws -> [CID] {
        try documents.envelopes.filter { cid in
            guard let block = try source.block(cid), let signed = try? SignedEnvelope(block: block, named: cid) else {
                return false
            }
            return signed.envelope.header.content == OrderPartKind.order.contentType
        }
    }

    /// Looks at an order.
    /// - Parameters: `order`: part 1; `documents`: all that is at hand, and `source`, where their blocks are; `plaintexts`:
    ///   of those parts that somebody could open.
    /// - Throws: what the source throws.
    public init(
        _ order: CID, in documents: CollectedDocuments, _ source: some BlockSource, plaintexts: [CID: [UInt8]] = [:]
    ) throws {
        self.order = order
        known = documents.known
        guard let block = try source.block(order), let first = try? SignedEnvelope(block: block, named: order) else {
            reference = nil
            findings = [Finding(part: order, code: .missing, sentence: "part 1 is not there")]
            return
        }
        let thread = first.envelope.header.thread
        reference = try? OrderReference(thread: thread)
        var verifier = EnvelopeVerifier(source, known: known, scope: .signature)
        var found: [Part] = []
        for cid in documents.envelopes {
            guard let block = try source.block(cid), let signed = try? SignedEnvelope(block: block, named: cid),
                signed.envelope.header.thread == thread,
                let kind = OrderPartKind(contentType: signed.envelope.header.content)
            else { continue }
            let recipients = try? signed.envelope.recipients { cid in
                guard let page = try source.block(cid) else { throw FormatError(.malformed, "a list is not there") }
                return page
            }
            found.append(
                Part(kind: kind, signed: signed, recipients: recipients ?? [], finding: try verifier.verify(cid)))
        }
        parts = OrderThread.arranged(found)
        for (place, part) in parts.enumerated() {
            places[part.cid] = place
            if let previous = part.header.previous { answering[previous, default: []].append(place) }
        }
        for part in parts { checkEnvelope(part) }
        checkSkeleton()
        read(plaintexts)
        checkContents()
    }

    /// As it happened, by the senders' clocks; but each part behind what it answers, whatever its sender's clock says. What
    /// ends an order comes behind all that was done in the same second.
    private static func arranged(_ parts: [Part]) -> [Part] {
        let all = Dictionary(parts.map { ($0.cid, $0) }, uniquingKeysWith: { first, _ in first })
        var places: [CID: (time: Int64, depth: Int)] = [:]
        for part in parts {
            // Up to a part whose place is known, or the beginning: links are hashes, so they make no circles.
            var path: [Part] = []
            var at: Part? = part
            while let next = at, places[next.cid] == nil {
                path.append(next)
                at = next.header.previous.flatMap { all[$0] }
            }
            var before = at.flatMap { places[$0.cid] } ?? (time: .min, depth: -1)
            for next in path.reversed() {
                before = (max(before.time, next.header.created), before.depth + 1)
                places[next.cid] = before
            }
        }
        func key(_ part: Part) -> (Int64, Int, Int, Int) {
            let place = places[part.cid] ?? (time: part.header.created, depth: 0)
            return (place.time, part.kind == .destruction ? 1 : 0, place.depth, rank(part.kind))
        }
        return parts.sorted { one, other in
            let (a, b) = (key(one), key(other))
            return a == b ? one.cid < other.cid : a < b
        }
    }

    /// In the order in which an order goes its way.
    private static func rank(_ kind: OrderPartKind) -> Int { OrderPartKind.allCases.firstIndex(of: kind) ?? 0 }

    private mutating func checkEnvelope(_ part: Part) {
        for problem in part.finding.problems { note(part, .envelope, problem) }
        for missing in part.finding.missing {
            note(
                part, .missing, "the \(missing.part.rawValue) \(missing.cid) of this \(part.kind.rawValue) is not there"
            )
        }
    }

    mutating func note(_ part: Part, _ code: Finding.Code, _ sentence: String) {
        let finding = Finding(part: part.cid, code: code, sentence: sentence)
        if noted.insert(finding).inserted { findings.append(finding) }
    }

    public subscript(cid: CID) -> Part? { places[cid].map { parts[$0] } }

    /// The parts that answer this one.
    public func answers(to cid: CID) -> [Part] { (answering[cid] ?? []).map { parts[$0] } }
}
