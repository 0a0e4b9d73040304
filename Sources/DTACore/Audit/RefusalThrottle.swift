import DTASystem

/// Limits what refusals write into the audit log in a second. Any user can cause refusals as often as they like, so
/// without a limit one user could fill the disk, and so stop all keys.
///
/// The first of several equal refusals of a user is written at once. The others are counted, and a second later one
/// record gives their number. Different ones are written while the user has bytes left of their share; the rest is
/// counted in one record that does not say what was refused. None is lost. Permitted requests are never counted
/// together.
package final class RefusalThrottle: Sendable {
    /// Bytes a second, of all users together and of one.
    static let bytesInAll = 512 << 10
    static let bytesPerUser = 128 << 10
    /// How many different refusals of a user are told apart.
    private static let linesPerUser = 64
    /// How many users are told apart; further ones share one allowance.
    private static let mostUsers = 4096
    /// The operation and the result of a record that stands for different ones.
    static let various = "*"
    static let refused = "REFUSED"

    private struct Key: Hashable {
        let uid: UInt32
        let user: String
        let operation: String
        let subject: String
        let detail: String
        let result: String

        init(_ record: AuditRecord) {
            uid = record.caller.uid
            user = record.caller.userName
            operation = record.operation
            subject = record.subject
            detail = record.detail.text
            result = record.result
        }
    }

    private struct Share {
        /// The last refusal of each kind, and how many came since the one that was written.
        var lines: [Key: (last: AuditRecord, count: UInt64)] = [:]
        /// The last of those that are not told apart.
        var rest: AuditRecord?
        /// Bytes written in this second.
        var spent = 0
        var isActive = true

        mutating func addToRest(_ record: AuditRecord, _ count: UInt64) {
            guard var rest else {
                var record = record
                record.subject = ""
                record.detail = AuditDetail()
                record.count = count
                self.rest = record
                return
            }
            if rest.operation != record.operation { rest.operation = RefusalThrottle.various }
            if rest.result != record.result { rest.result = RefusalThrottle.refused }
            rest.caller = record.caller
            rest.microseconds = record.microseconds
            rest.count += count
            self.rest = rest
        }
    }

    private struct State {
        var shares: [UInt32: Share] = [:]
        var spent = 0
        var writer = AuditWriter()

        /// The bytes that one user may write in this second.
        var allowance: Int { min(bytesPerUser, bytesInAll / (shares.count + 1)) }
    }

    private let payer: @Sendable (UInt32) -> UInt32
    private let state = Locked(State())

    /// - Parameter payer: the user as whom a uid counts.
    package init(payer: @escaping @Sendable (UInt32) -> UInt32 = { $0 }) { self.payer = payer }

    /// Whether a refusal is written now. Otherwise it is counted, and `takeCounted` returns it.
    package func admits(_ record: AuditRecord) -> Bool {
        let user = payer(record.caller.uid)
        var record = record
        record.subject = RefusalThrottle.cut(record.subject)
        return state.withLock { state in
            let user = state.shares[user] != nil || state.shares.count < RefusalThrottle.mostUsers ? user : .max
            let size = state.writer.size(of: record)
            let isFirst = (state.shares[user]?.spent ?? 0) == 0
            // An eighth is reserved for users who have written nothing yet.
            let limit = isFirst ? RefusalThrottle.bytesInAll : RefusalThrottle.bytesInAll / 8 * 7
            let fits = state.spent + size <= limit
            let allowance = state.allowance
            let admitted = RefusalThrottle.admit(
                record, size: size, allowance: fits ? (isFirst ? max(size, allowance) : allowance) : 0,
                &state.shares[user, default: Share()])
            if admitted { state.spent += size }
            return admitted
        }
    }

    private static func admit(_ record: AuditRecord, size: Int, allowance: Int, _ share: inout Share) -> Bool {
        share.isActive = true
        let key = Key(record)
        if let known = share.lines[key] {
            share.lines[key] = (record, known.count + 1)
            return false
        }
        guard share.spent + size <= allowance else {
            share.addToRest(record, 1)
            return false
        }
        share.spent += size
        if share.lines.count < linesPerUser { share.lines[key] = (record, 0) }
        return true
    }

    /// A client wrote the subject, and it may be as long as a frame. The log cuts it further.
    private static func cut(_ subject: String) -> String {
        subject.utf8.count <= 1024 ? subject : String(String.UnicodeScalarView(subject.unicodeScalars.prefix(257)))
    }

    /// Ends a second: returns the counted refusals, to be written now.
    package func takeCounted() -> [AuditRecord] {
        state.withLock { state in
            state.spent = 0
            var due: [AuditRecord] = []
            let allowance = state.allowance
            for user in Array(state.shares.keys) {
                guard var share = state.shares[user] else { continue }
                // A user with no refusals for a second is forgotten, with their counts.
                guard share.isActive || share.rest != nil else {
                    state.shares[user] = nil
                    continue
                }
                share.isActive = false
                share.spent = 0
                for (key, line) in share.lines {
                    guard line.count > 0 else {
                        share.lines[key] = nil
                        continue
                    }
                    var record = line.last
                    record.count = line.count
                    let size = state.writer.size(of: record)
                    if share.spent + size <= allowance / 2 {
                        due.append(record)
                        share.spent += size
                        share.lines[key] = (line.last, 0)
                    } else {
                        share.addToRest(line.last, line.count)
                        share.lines[key] = nil
                    }
                }
                if let rest = share.rest {
                    due.append(rest)
                    share.spent += state.writer.size(of: rest)
                    share.rest = nil
                }
                state.spent += share.spent
                state.shares[user] = share
            }
            return due
        }
    }

    /// Takes back a record that could not be written: it is due again.
    package func putBack(_ record: AuditRecord) {
        let user = payer(record.caller.uid)
        state.withLock { $0.shares[user, default: Share()].addToRest(record, record.count) }
    }
}
