import Crypto
import DTABytes
import DTAFormats
import DTASystem
import Glibc

/// The append-only log of every request, allowed or denied: JSON lines, each with the hash of the one before.
///
/// A record is written before its answer is sent. If that fails, the request fails, and so does every other until the
/// log can be written again. That needs no restart.
package final class AuditLog: Sendable {
    struct State: Sendable {
        var segment: AuditSegment
        /// The bytes of the segment that are whole records.
        var size: Int
        /// The number of the next record.
        var next: UInt64
        /// The hash of the last line: 64 hexadecimal digits.
        var previous: [UInt8]
        /// The last record that is, or comes before, a checkpoint.
        var checkpointed: UInt64
        var writer = AuditWriter()
        /// Part of a record stands after `size` and must be cut off before anything else is written.
        var mustCut = false
        /// Why the disk lost what it took; nil once a later sync succeeded.
        var syncFailure: String?
        /// The segment's name may not be on the disk yet.
        var isNewFile = true
        /// Segments that are full and perhaps not yet on the disk.
        var full: [AuditSegment] = []

        /// All files before the segment, the oldest first.
        var files: [AuditFile] = []
        /// Files that dtad did not write.
        var strangers: [AuditFile] = []
        /// The facts of the segment at the last look.
        var seen: FileFacts?
        /// Why nothing may be written, even if the segment would take it.
        var obstacle: String?
        /// Why nothing may be written until the database can be.
        var hold: String?
        /// Why the last record could not be written; nil once a record was written.
        var writeFailure: String?
        /// Events of the log itself, to be written with the next record.
        var events: [String] = []
        var notices: [AuditNotice] = []
        /// The last change of the database that the log names.
        var toldChange: UInt64 = 0
        /// The last record that is on the disk for certain.
        var onDisk: AuditPlace?

        /// If the disk has room for some records and not for others, the journal must not fill up too.
        mutating func say(_ notice: AuditNotice) { if notices.count < 64 { notices.append(notice) } }
    }

    /// Records between two checkpoints.
    package static let checkpointInterval: UInt64 = 1000

    let directory: String
    let state: Locked<State>
    private let segmentLimit: Int
    /// The number of the database's last durable change.
    private let change: @Sendable () -> UInt64
    private let syncing = Monitor(Syncing())

    private struct Syncing: Sendable {
        var isUnderWay = false
        /// The number of the first record that may not be on the disk.
        var done: UInt64 = 0
    }

    /// Opens the log in a state directory, or begins one. If a crash left an incomplete record, it is cut off, and a
    /// new record says so.
    /// - Parameters: `memory`: what the database knows about the files; nil: nothing, so that they are accepted as they
    ///   are. `change`: the number of the database's last change. `segmentLimit`: bytes after which a new file is
    ///   begun.
    /// - Throws: `DTAError`: `unavailable`; `failedPrecondition` if the log names changes that the database does not
    ///   have.
    package init(
        directory stateDirectory: String, memory: AuditMemory? = nil, segmentLimit: Int = 64 << 20,
        change: @escaping @Sendable () -> UInt64 = { 0 }
    ) throws {
        directory = "\(stateDirectory)/audit"
        self.segmentLimit = segmentLimit
        self.change = change
        do {
            if let obstacle = AuditLog.obstacle(directory) { throw obstacle }
            state = Locked(try AuditLog.open(directory, memory))
        } catch let error as SystemCallError {
            throw DTAError(.unavailable, "the audit log in \(directory) cannot be opened: \(error)")
        }
    }

    // MARK: Writing

    /// Appends one record. When this returns, the kernel has it; the next `sync` brings it to the disk.
    /// - Throws: `DTAError.unavailable`; then nothing of the record is left.
    /// - Returns: how many bytes the record has, to within a few digits.
    @discardableResult
    package func append(_ record: AuditRecord) throws -> Int {
        var size = 0
        try append {
            $0.record(record)
            size = $0.sizeWithEnding
        }
        return size
    }

    package func append(event: String) throws { try append { $0.event(event) } }

    func append(_ fill: (inout AuditWriter) -> Void) throws {
        do {
            try state.withLock { try write(&$0, fill) }
        } catch {
            throw AuditLog.unwritable((error as? DTAError)?.message ?? "\(error)")
        }
    }

    private static func unwritable(_ reason: String) -> DTAError {
        DTAError(
            .unavailable, "the audit log cannot be written: \(reason); key use stops until it can",
            hint: "an administrator should look after the disk of dtad's state directory")
    }

    func write(_ state: inout State, _ fill: (inout AuditWriter) -> Void) throws {
        if let reason = state.syncFailure ?? state.obstacle ?? state.hold { throw DTAError(.unavailable, reason) }
        do {
            if !state.events.isEmpty { try tellEvents(&state) }
            try writeLine(&state, fill)
        } catch {
            fail(&state, (error as? DTAError)?.message ?? "\(error)")
            throw error
        }
        if let reason = state.writeFailure { recover(&state, from: reason) }
    }

    /// Remembers the last failure, and writes the first one of a row to the journal.
    func fail(_ state: inout State, _ reason: String) {
        if state.writeFailure == nil { state.say(.error(AuditLog.unwritable(reason).message)) }
        state.writeFailure = reason
    }

    private func recover(_ state: inout State, from reason: String) {
        state.writeFailure = nil
        state.say(.notice("the audit log can be written again"))
        state.events.append("requests could not be recorded for a while: \(reason)")
        try? tellEvents(&state)
    }

    /// Writes the events of the log itself. Those that cannot be written wait for the next record.
    func tellEvents(_ state: inout State) throws {
        while let event = state.events.first {
            try writeLine(&state) { $0.event(event) }
            state.events.removeFirst()
        }
    }

    private func writeLine(_ state: inout State, _ fill: (inout AuditWriter) -> Void) throws {
        if state.mustCut {
            try state.segment.cut(to: state.size)
            state.mustCut = false
        }
        if state.size >= segmentLimit { try beginSegment(&state) }
        state.writer.begin(number: state.next, microseconds: unixMicroseconds())
        fill(&state.writer)
        let change = change()
        // A checkpoint has no room for it.
        let tells = change != state.toldChange && !state.writer.isCheckpoint
        if tells { state.writer.change(change) }
        state.writer.end(previous: state.previous)
        let hash = SHA256.hash(data: state.writer.bytes)
        state.writer.endLine()
        do {
            try state.segment.append(state.writer.bytes)
        } catch {
            state.mustCut = true
            if (try? state.segment.cut(to: state.size)) != nil { state.mustCut = false }
            throw error
        }
        if tells { state.toldChange = change }
        state.size += state.writer.bytes.count
        state.next += 1
        var at = 0
        for byte in hash {
            state.previous[at] = Hexadecimal.digit(byte >> 4)
            state.previous[at + 1] = Hexadecimal.digit(byte)
            at += 2
        }
    }

    /// Ends the current file, and begins the next one.
    /// - Parameter fault: why the file is not what dtad wrote; nil if it is.
    func beginSegment(_ state: inout State, fault: String? = nil) throws {
        let segment: AuditSegment
        do {
            segment = try AuditSegment.make(directory: directory, first: state.next)
        } catch let error as SystemCallError where error.errno == EEXIST {
            let name = AuditSegment.name(first: state.next)
            throw DTAError(.unavailable, "\(directory)/\(name) is there already, and dtad did not write it")
        }
        let ended = state.segment
        if state.next > ended.first {
            let hash = String(decoding: state.previous, as: UTF8.self)
            state.files.append(AuditFile(first: ended.first, last: state.next - 1, hash: hash, fault: fault))
        }
        if fault == nil { state.full.append(ended) }
        state.segment = segment
        state.isNewFile = true
        state.size = 0
        state.seen = nil
        state.mustCut = false
    }

    // MARK: Syncing

    /// Brings all records that were appended before this call to the disk. Concurrent callers share one fdatasync(2),
    /// and `append` does not wait for it.
    /// - Throws: `DTAError.unavailable`; then `append` fails too, until a sync succeeds.
    package func sync() throws {
        let wanted = state.withLock { $0.next }
        let leads = syncing.wait { syncing -> Bool? in
            if syncing.done >= wanted { return false }
            if syncing.isUnderWay { return nil }
            syncing.isUnderWay = true
            return true
        }
        guard leads == true else {
            // Wakes the next waiting thread.
            syncing.withLockSignalling { _ in }
            return
        }
        let outcome = bringToDisk()
        syncing.withLockSignalling { syncing in
            syncing.isUnderWay = false
            syncing.done = max(syncing.done, outcome.upTo)
        }
        if let reason = outcome.reason { throw AuditLog.unwritable(reason) }
    }

    /// - Returns: the number up to which all records are on the disk, and why not further.
    private func bringToDisk() -> (upTo: UInt64, reason: String?) {
        let (upTo, last, segments, isNewFile) = state.withLock { state in
            (state.next, AuditPlace(state), state.full + [state.segment], state.isNewFile)
        }
        do {
            for segment in segments { try segment.sync() }
            if isNewFile { try PositionedFile.syncDirectory(directory) }
        } catch {
            state.withLock { state in
                // Another file has taken its place meanwhile, and the reason is recorded.
                guard segments.contains(where: { $0 === state.segment }) else { return }
                if state.syncFailure == nil { state.say(.error(AuditLog.unwritable("\(error)").message)) }
                state.syncFailure = "\(error)"
            }
            return (0, "\(error)")
        }
        state.withLock { state in
            state.full.removeAll { full in segments.contains { $0 === full } }
            if state.segment === segments.last { state.isNewFile = false }
            state.onDisk = last
            guard let earlier = state.syncFailure else { return }
            state.syncFailure = nil
            state.say(.notice("the audit log can be written again"))
            // The kernel reports a page that it could not write only once: records before this one may be lost.
            state.events.append("the disk failed (\(earlier)): records before this one may be missing on it")
            try? tellEvents(&state)
        }
        return (upTo, nil)
    }

    /// How many records were ever written.
    package var count: UInt64 { state.withLock { $0.next - 1 } }
}

/// A record, and the hash that stands for it and for all before it.
struct AuditPlace: Sendable, Equatable {
    let number: UInt64
    /// 64 hexadecimal digits.
    let hash: String

    init(number: UInt64, hash: String) {
        self.number = number
        self.hash = hash
    }

    /// The last record of the log.
    init(_ state: AuditLog.State) {
        self.init(number: state.next - 1, hash: String(decoding: state.previous, as: UTF8.self))
    }
}

/// A line for the journal about the log.
enum AuditNotice: Sendable, Equatable {
    case error(String)
    case notice(String)
}
