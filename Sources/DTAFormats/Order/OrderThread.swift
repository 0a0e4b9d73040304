import DTABytes

/// An order as its parts show it: the maker of each part, the part that it answers, and what does not fit.
///
/// Without any key it is the public skeleton: senders, signatures, links, the order of parts, their recipients. That
/// proves which parties ordered, committed, asked and released, but not what. With plaintexts the contents are compared
/// with each other as well.
public struct OrderThread: Sendable {
    /// One part, as its envelope shows it.
    public struct Part: Sendable {
        public let kind: OrderPartKind
        public let signed: SignedEnvelope
        /// The identities to which it is sealed; empty if a list of them is not there.
        public let recipients: [CID]
        /// Whether its signature fits, and how its sender stands.
        public let finding: EnvelopeFinding
        /// What it says, if it was opened.
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
            /// Its sender has no role in the order, or may not make this part.
            case thirdParty = "third-party"
            /// It answers a part of the wrong kind.
            case outOfOrder = "out-of-order"
            /// A second commitment of the fiduciary.
            case secondCommitment = "second-commitment"
            /// The fiduciary said yes and no, or released what it had destroyed.
            case contradiction
            /// Two releases of one use.
            case fork
            /// It is sealed to the wrong identities.
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
    /// Nil if part 1 is not there.
    public let reference: OrderReference?
    /// As they happened (`OrderChronology`).
    public internal(set) var parts: [Part] = []
    private var chronology = OrderChronology<CID>([])
    public internal(set) var findings: [Finding] = []
    let known: KnownDocuments
    /// The index of each part in `parts`, and those of its answers: a thread may have thousands.
    private var places: [CID: Int] = [:]
    private var answering: [CID: [Int]] = [:]
    private var noted: Set<Finding> = []

    /// Sound: all that is there fits, and nothing that it links to is missing. It does not say which state the order is
    /// in.
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

    /// Checks an order.
    /// - Parameter order: part 1.
    /// - Parameter documents: all that is at hand.
    /// - Parameter source: has their blocks.
    /// - Parameter plaintexts: those of the parts that could be opened.
    /// - Parameter seen: when and in which sequence a host saw the parts, if it reports that.
    /// - Throws: what the source throws.
    public init(
        _ order: CID, in documents: CollectedDocuments, _ source: some BlockSource,
        plaintexts: [CID: SecretReference] = [:],
        seen: [CID: (time: Int64, arrival: Int)] = [:]
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
        chronology = OrderChronology<CID>(
            found.map { part in
                let saw = seen[part.cid]
                return .init(
                    id: part.cid, kind: part.kind, previous: part.header.previous,
                    time: saw?.time ?? part.header.created, arrival: saw?.arrival ?? 0)
            })
        let all = Dictionary(found.map { ($0.cid, $0) }, uniquingKeysWith: { first, _ in first })
        parts = chronology.order.compactMap { all[$0] }
        for (place, part) in parts.enumerated() {
            places[part.cid] = place
            if let previous = part.header.previous { answering[previous, default: []].append(place) }
        }
        for part in parts { checkEnvelope(part) }
        checkSkeleton()
        read(plaintexts)
        checkContents()
    }

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

    /// The use that a part is about, and the request for it.
    public func number(of part: Part) -> OrderChronology<CID>.Number { chronology.number(of: part.cid) }

    public subscript(cid: CID) -> Part? { places[cid].map { parts[$0] } }

    /// The parts that answer this one.
    public func answers(to cid: CID) -> [Part] { (answering[cid] ?? []).map { parts[$0] } }
}
