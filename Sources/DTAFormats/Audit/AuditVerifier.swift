import Crypto
import DTABytes
import FoundationEssentials

/// Checks an audit log, line after line: numbers without gaps, each record naming the hash of the one before, and the
/// agent's signatures under its checkpoints. It needs no agent, only the log and the agent's public key.
public struct AuditVerifier {
    /// The findings.
    public struct Findings: Sendable, Equatable {
        public var records: UInt64 = 0
        /// The number of the first record; above 1 if older files are not here.
        public var first: UInt64?
        public var last: UInt64?
        /// The hash of the last line, in hexadecimal. Kept elsewhere, it proves later that nothing was cut off.
        public var lastHash = ""
        /// Checkpoints whose signature was checked and fits.
        public var checkpoints: UInt64 = 0
        /// Checkpoints that could not be checked, because the key is not known.
        public var uncheckedCheckpoints: UInt64 = 0
        /// The number of the last record that a checked checkpoint stands for.
        public var lastCheckpointed: UInt64?
        public var problems: UInt64 = 0
        /// The first problem, with the file and the line; nil if all is well.
        public var firstProblem: String?

        public var isSound: Bool { problems == 0 }
    }

    /// The findings so far. A report by dtad of its own files that it did not take back is a problem as well.
    public var findings: Findings {
        var all = chain
        all.problems += UInt64(reports.count)
        all.firstProblem = chain.firstProblem ?? reports.first?.problem
        return all
    }

    private var chain = Findings()
    private var reports: [(name: String, problem: String)] = []
    private let key: (String) -> SigningKey?
    private var file = ""
    private var line: UInt64 = 0
    private var previous: String?
    private var next: UInt64?
    /// Hashes of the lines since the last checkpoint, 32 bytes each, for the next one to name.
    private var hashes: [UInt8] = []
    private var hashesBegin: UInt64 = 0
    /// A checkpoint is written while others append; it never lags this far behind.
    private static let hashLimit = 1 << 20

    /// - Parameter key: the key of an identity, by its CID's text; nil if it is not known.
    public init(key: @escaping (String) -> SigningKey?) { self.key = key }

    /// Begins the next file. Files come in the order of their records.
    public mutating func begin(file name: String) {
        file = name
        line = 0
    }

    /// Adds a problem that another check found.
    public mutating func note(_ problem: String) {
        chain.problems += 1
        if chain.firstProblem == nil { chain.firstProblem = problem }
    }

    /// Reads the next line.
    /// - Parameter bytes: without its line end.
    /// - Parameter isComplete: whether it had one.
    public mutating func read(_ bytes: [UInt8], isComplete: Bool = true) {
        line += 1
        let digest = Array(SHA256.hash(data: bytes))
        defer { previous = Hexadecimal.encode(digest) }
        guard isComplete else { return report("the line is cut short") }
        guard let record = AuditLine(bytes) else {
            // It is not known whether it had a number.
            next = nil
            return report("this is not a record")
        }
        if let next, record.number != next { report("record \(record.number) stands where record \(next) should") }
        let expected = previous ?? (record.number == 1 ? AuditLine.origin : record.previous)
        if record.previous != expected {
            report("record \(record.number) does not follow the line before it: one of them was changed")
        }
        if let checkpoint = record.checkpoint { check(checkpoint) }
        if let event = record.event { take(event) }
        remember(digest, record.number)
        chain.records += 1
        chain.first = chain.first ?? record.number
        chain.last = record.number
        chain.lastHash = Hexadecimal.encode(digest)
        next = record.number &+ 1
    }

    private mutating func take(_ event: String) {
        switch AuditReport(event: event) {
        case .notAsWritten(let name, let reason)?:
            reports.removeAll { $0.name == name }
            reports.append((name, "\(file), line \(line): dtad found that \(name) is not as it wrote it: \(reason)"))
        case .asWrittenAgain(let name)?: reports.removeAll { $0.name == name }
        case nil: break
        }
    }

    private mutating func remember(_ digest: [UInt8], _ number: UInt64) {
        if hashes.isEmpty || number != hashesBegin + UInt64(hashes.count / 32) || hashes.count >= 32 * Self.hashLimit {
            hashes.removeAll(keepingCapacity: true)
            hashesBegin = number
        }
        hashes += digest
    }

    private mutating func check(_ checkpoint: AuditCheckpoint) {
        guard checkpoint.number >= hashesBegin, checkpoint.number < hashesBegin + UInt64(hashes.count / 32) else {
            // The record that it names is in a file that is not here.
            if let first = chain.first, checkpoint.number >= first {
                report("a checkpoint names record \(checkpoint.number), which is not before it")
            } else {
                chain.uncheckedCheckpoints += 1
            }
            return
        }
        let at = Int(checkpoint.number - hashesBegin) * 32
        let digest = Array(hashes[at..<at + 32])
        guard Hexadecimal.encode(digest) == checkpoint.hash else {
            return report("a checkpoint names another hash for record \(checkpoint.number): one of the two was changed")
        }
        guard let key = key(checkpoint.identity) else {
            chain.uncheckedCheckpoints += 1
            return
        }
        guard let signature = Base64.decode(checkpoint.signature),
            (try? key.verify(signature, context: SignedBytes.audit, hash: digest)) != nil
        else { return report("the signature of the checkpoint on record \(checkpoint.number) does not fit") }
        chain.checkpoints += 1
        chain.lastCheckpointed = checkpoint.number
    }

    private mutating func report(_ problem: String) { note("\(file), line \(line): \(problem)") }
}
