import Crypto
import FoundationEssentials

/// Checks an audit log, line after line: numbers without gaps, each record naming the hash of the one before, and the
/// agent's signatures under its checkpoints. It needs no agent, only the log and the agent's public key.
public struct AuditVerifier {
    /// What was found.
    public struct Findings: Sendable, Equatable {
        public var records: UInt64 = 0
        /// The number of the first record; above 1 where older files are not here.
        public var first: UInt64?
        public var last: UInt64?
        /// The hash of the last line, in hexadecimal: who keeps it elsewhere can prove later that nothing was cut off.
        public var lastHash = ""
        /// Checkpoints whose signature was checked and fits.
        public var checkpoints: UInt64 = 0
        /// Checkpoints that nobody could check, because the key is not known.
        public var uncheckedCheckpoints: UInt64 = 0
        /// The number of the last record that a checked checkpoint stands for.
        public var lastCheckpointed: UInt64?
        public var problems: UInt64 = 0
        /// The first problem, with the file and the line; nil where all is well.
        public var firstProblem: String?

        public var isSound: Bool { problems == 0 }
    }

    public private(set) var findings = Findings()
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

    /// - Parameter key: the key of an identity, by its CID's text; nil where it is not known.
    public init(key: @escaping (String) -> SigningKey?) { self.key = key }

    /// Begins the next file. Files come in the order of their records.
    public mutating func begin(file name: String) {
        file = name
        line = 0
    }

    /// Reads the next line.
    /// - Parameters: `bytes`: without its line end; `isComplete`: whether it had one.
    public mutating func read(_ bytes: [UInt8], isComplete: Bool = true) {
        line += 1
        let digest = Array(SHA256.hash(data: bytes))
        defer { previous = hexadecimal(digest) }
        guard isComplete else { return report("the line is cut short") }
        guard let record = AuditLine(bytes) else {
            // Whether it had a number nobody can say.
            next = nil
            return report("this is not a record")
        }
        if let next, record.number != next { report("record \(record.number) stands where record \(next) should") }
        let expected = previous ?? (record.number == 1 ? AuditLine.origin : record.previous)
        if record.previous != expected {
            report("record \(record.number) does not follow the line before it: one of them was changed")
        }
        if let checkpoint = record.checkpoint { check(checkpoint) }
        remember(digest, record.number)
        findings.records += 1
        findings.first = findings.first ?? record.number
        findings.last = record.number
        findings.lastHash = hexadecimal(digest)
        next = record.number &+ 1
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
            if let first = findings.first, checkpoint.number >= first {
                report("a checkpoint names record \(checkpoint.number), which is not before it")
            } else {
                findings.uncheckedCheckpoints += 1
            }
            return
        }
        let at = Int(checkpoint.number - hashesBegin) * 32
        let digest = Array(hashes[at..<at + 32])
        guard hexadecimal(digest) == checkpoint.hash else {
            return report("a checkpoint names another hash for record \(checkpoint.number): one of the two was changed")
        }
        guard let key = key(checkpoint.identity) else {
            findings.uncheckedCheckpoints += 1
            return
        }
        guard let signature = Data(base64Encoded: checkpoint.signature),
            (try? key.verify(Array(signature), context: SignedBytes.audit, hash: digest)) != nil
        else { return report("the signature of the checkpoint on record \(checkpoint.number) does not fit") }
        findings.checkpoints += 1
        findings.lastCheckpointed = checkpoint.number
    }

    private mutating func report(_ problem: String) {
        findings.problems += 1
        if findings.firstProblem == nil { findings.firstProblem = "\(file), line \(line): \(problem)" }
    }
}
