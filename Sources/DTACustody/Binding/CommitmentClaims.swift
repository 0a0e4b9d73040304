import CustodyProtocol
import DTAFormats
import DTASystem

/// The orders and keys to which this host committed itself, by principals' copies of part 2. Each is verified by the
/// fiduciary's signature, and opened with the key of an identity of this host.
struct CommitmentClaims {
    struct Commitment {
        /// As the commitment has it, without its algorithm, which part 1 names.
        let publicKey: [UInt8]
        let terms: OrderTerms
        let thread: [UInt8]
    }

    private(set) var commitments: [CID: [Commitment]] = [:]
    /// The orders that were committed to by a key; more than one is a contradiction.
    private(set) var ordersByKey: [[UInt8]: Set<CID>] = [:]
    private(set) var refusals: [(subject: String, reason: String)] = []

    init(_ custody: Custody, _ keys: UnboundKeys, _ archives: [(name: String, bytes: [UInt8])]) throws {
        let own = keys.identities.map {
            (cid: $0.recipient.cid, recipient: $0.recipient, document: $0.document)
        }
        for archive in archives {
            let (envelopes, known) = try CommitmentClaims.read(archive, own.map(\.document))
            var count = 0
            for signed in envelopes {
                do {
                    guard let recipient = own.first(where: { (try? signed.envelope.wrap(for: $0.cid)) != nil }) else {
                        throw DTAError(.permissionDenied, "it is sealed to no identity of this host")
                    }
                    try custody.verify(signed, known)
                    let plaintext = try custody.openPart(signed, as: recipient.recipient)
                    let commitment = try custody.translating { try plaintext.withBytes { try OrderCommitment($0) } }
                    guard commitment.kind == OrderKind.sign else { continue }
                    let header = signed.envelope.header
                    guard header.previous == commitment.heading.order, own.contains(where: { $0.cid == header.from }),
                        try custody.translating({
                            try IdentityJudge(known).mayMake(.commitment, as: header.from, under: commitment.terms)
                        })
                    else { throw DTAError(.permissionDenied, "it is not by its order's fiduciary on this host") }
                    count += 1
                    let order = commitment.heading.order
                    commitments[order, default: []].append(
                        Commitment(
                            publicKey: commitment.publicKey, terms: commitment.terms, thread: header.thread))
                    ordersByKey[commitment.publicKey, default: []].insert(order)
                } catch let error as DTAError where error.code != .unavailable {
                    refusals.append(("commitment \(signed.cid) in \(archive.name)", error.message))
                }
            }
            if count == 0 { refusals.append((archive.name, "it has no commitment of this host to a key that signs")) }
        }
    }

    /// The commitments in an archive, and the documents that are needed to judge them.
    private static func read(
        _ archive: (name: String, bytes: [UInt8]), _ own: [[UInt8]]
    ) throws -> ([SignedEnvelope], KnownDocuments) {
        do {
            var isTaken = false
            var reader = try CARReader {
                defer { isTaken = true }
                return isTaken ? [] : archive.bytes
            }
            var collected = CollectedDocuments()
            var envelopes: [SignedEnvelope] = []
            for document in own { collected.add(ContentBlock(hashing: document, codec: .dagCBOR)) }
            while let block = try reader.next() {
                guard !collected.contains(block.cid), collected.add(block) == .envelope,
                    let signed = try? SignedEnvelope(block: block.bytes),
                    signed.envelope.header.content == OrderPartKind.commitment.contentType
                else { continue }
                envelopes.append(signed)
            }
            return (envelopes, collected.known)
        } catch let error as FormatError {
            throw DTAError(
                .invalidArgument, "\(archive.name): \(error.reason)",
                hint: "the principal can write the order's parts to a file")
        }
    }
}
