import Crypto
import DTAFormats
import DTASystem
import Glibc

/// The append-only log of every request, allowed or denied: JSON lines, each with the hash of the one before.
///
/// A record is written before its answer is sent. Where that cannot be done the request fails, and so does every other
/// until the log can be written again, which needs no restart.
public final class AuditLog: Sendable {
    struct State: Sendable {
        var segment: AuditSegment
        /// Of the segment, as far as it holds whole records.
        var size: Int
        /// The number of the next record.
        var next: UInt64
        /// The hash of the last line: 64 hexadecimal digits.
        var previous: [UInt8]
        /// The last record that is, or is before, a checkpoint.
        var checkpointed: UInt64
        var writer = AuditWriter()
        /// Part of a record stands behind `size` and must go before anything else is written.
        var mustCut = false
        /// Why the disk did not keep what it took; nil once a later sync succeeded.
        var syncFailure: String?
        /// The segment's name may not be on the disk yet.
        var isNewFile = true
        /// Segments that are full and perhaps not yet on the disk.
        var full: [AuditSegment] = []
    }

    /// Checkpoints follow each other at this distance.
    public static let checkpointInterval: UInt64 = 1000

    let directory: String
    let state: Locked<State>
    private let segmentLimit: Int
    private let syncing = Monitor(Syncing())

    private struct Syncing: Sendable {
        var isUnderWay = false
        /// The number of the first record that may not be on the disk.
        var done: UInt64 = 0
    }

    /// Opens the log in a state directory, or begins one. What a crash left of a last record is cut off, and a record
    /// says so.
    /// - Parameter segmentLimit: bytes after which a new file is begun.
    /// - Throws: `DTAError.unavailable`.
    public init(directory stateDirectory: String, segmentLimit: Int = 64 << 20) throws {
        directory = "\(stateDirectory)/audit"
        self.segmentLimit = segmentLimit
        do {
            if unsafe mkdir(directory, 0o700) != 0, errno != EEXIST { throw SystemCallError("mkdir", errno: errno) }
            let (opened, event) = try AuditLog.open(directory)
            state = Locked(opened)
            if let event { try append(event: event) }
        } catch let error as SystemCallError {
            throw DTAError(.unavailable, "the audit log in \(directory) cannot be opened: \(error)")
        }
    }

    // MARK: Writing

    /// Appends one record; it is in the kernel's hands when this returns, and on the disk after the next `sync`.
    /// - Throws: `DTAError.unavailable`; nothing of the record is left then.
    public func append(_ record: AuditRecord) throws { try append { $0.record(record) } }

    func append(event: String) throws { try append { $0.event(event) } }

    func append(_ fill: (inout AuditWriter) -> Void) throws {
        do {
            try state.withLock { try write(&$0, fill) }
        } catch {
            throw AuditLog.unwritable("\(error)")
        }
    }

    private static func unwritable(_ reason: String) -> DTAError {
        DTAError(
            .unavailable, "the audit log cannot be written: \(reason); key use stops until it can",
            hint: "an administrator should look after the disk of dtad's state directory")
    }

    private func write(_ state: inout State, _ fill: (inout AuditWriter) -> Void) throws {
        if let failure = state.syncFailure { throw DTAError(.unavailable, failure) }
        if state.mustCut {
            try state.segment.cut(to: state.size)
            state.mustCut = false
        }
        if state.size >= segmentLimit { try beginSegment(&state) }
        state.writer.begin(number: state.next, microseconds: unixMicroseconds())
        fill(&state.writer)
        state.writer.end(previous: state.previous)
        let hash = SHA256.hash(data: state.writer.bytes)
        state.writer.endLine()
        do {
            try state.segment.append(state.writer.bytes)
        } catch {
            state.mustCut = true
            try? state.segment.cut(to: state.size)
            throw error
        }
        state.size += state.writer.bytes.count
        state.next += 1
        var at = 0
        for byte in hash {
            state.previous[at] = hexDigit(byte >> 4)
            state.previous[at + 1] = hexDigit(byte)
            at += 2
        }
    }

    private func beginSegment(_ state: inout State) throws {
        let segment = try AuditSegment.open(directory: directory, first: state.next)
        guard try segment.size() == 0 else {
            throw DTAError(.unavailable, "\(segment.path) is there already, and it is not dtad's")
        }
        state.full.append(state.segment)
        state.segment = segment
        state.isNewFile = true
        state.size = 0
    }

    // MARK: To the disk

    /// Brings all records that were appended before this call to the disk. Callers at the same time share one
    /// fdatasync(2), and nobody's `append` waits for it.
    /// - Throws: `DTAError.unavailable`; then `append` fails too, until a sync succeeds.
    public func sync() throws {
        let wanted = state.withLock { $0.next }
        let leads = syncing.wait { syncing -> Bool? in
            if syncing.done >= wanted { return false }
            if syncing.isUnderWay { return nil }
            syncing.isUnderWay = true
            return true
        }
        guard leads == true else {
            // Wakes the next one who waits.
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

    /// - Returns: up to which record all is on the disk, and why not further.
    private func bringToDisk() -> (upTo: UInt64, reason: String?) {
        let (upTo, segments, isNewFile) = state.withLock { ($0.next, $0.full + [$0.segment], $0.isNewFile) }
        do {
            for segment in segments { try segment.sync() }
            if isNewFile { try syncDirectory() }
        } catch {
            state.withLock { $0.syncFailure = "\(error)" }
            return (0, "\(error)")
        }
        let earlierFailure = state.withLock { state in
            state.full.removeAll { full in segments.contains { $0 === full } }
            if state.segment === segments.last { state.isNewFile = false }
            defer { state.syncFailure = nil }
            return state.syncFailure
        }
        // The kernel reports a page that it could not write only once: those before this record may be lost.
        if let earlierFailure {
            try? append(event: "the disk failed (\(earlierFailure)): records before this one may be missing on it")
        }
        return (upTo, nil)
    }

    /// A file that is new is on the disk only when its name is.
    private func syncDirectory() throws {
        let number = try systemCall("open") { unsafe Glibc.open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        let folder = Descriptor(owning: number)
        try systemCall("fsync") { fsync(folder.number) }
    }

    /// How many records there have ever been.
    public var count: UInt64 { state.withLock { $0.next - 1 } }
}
