import Glibc

/// The uids that /etc/subuid gives to users for their user namespaces (subuid(5)). One user can connect as any of them,
/// so limits and turns count them all as that one user. They have no rights of their user.
///
/// Uids of system containers (root's ranges, and 524,288 and up, systemd's UIDS-GIDS) each count as a user: directory
/// services give people uids of the same range, and only root gives a container the agent's socket.
public final class SubordinateUsers: Sendable {
    /// `uids` count with `owner`.
    struct Range: Sendable, Equatable {
        let uids: ClosedRange<UInt32>
        let owner: UInt32
    }

    private struct State {
        var version = FileVersion()
        /// Sorted; none overlaps another.
        var ranges: [Range] = []
    }

    private let path: String
    private let uid: @Sendable (String) -> UInt32?
    private let state = Locked(State())

    /// Reads nothing yet: `refresh` does.
    /// - Parameter uid: a user's, by its name.
    public init(
        path: String = "/etc/subuid", uid: @escaping @Sendable (String) -> UInt32? = { UserDatabase.uid(ofUser: $0) }
    ) {
        self.path = path
        self.uid = uid
    }

    /// Reads the file again, if it changed. It may have to look up the uids of names, which may take long.
    /// - Returns: complaints about lines; nil if nothing changed.
    @discardableResult
    public func refresh() -> [String]? {
        let version = FileVersion(of: path)
        guard state.withLock({ $0.version != version }) else { return nil }
        let text = (try? readSmallText(path)) ?? ""
        let (lines, complaints) = SubordinateUsers.parse(text)
        var uids: [String: UInt32?] = [:]
        var ranges: [Range] = []
        for line in lines {
            let owner = line.owner
            let known = uids[owner] ?? UInt32(owner) ?? uid(owner)
            uids[owner] = .some(known)
            // A user that does not exist cannot enter a namespace. And root's ranges do not count as root: a container
            // may not take root's places.
            if let known, known != 0 { SubordinateUsers.add(Range(uids: line.uids, owner: known), to: &ranges) }
        }
        let sorted = ranges.sorted { $0.uids.lowerBound < $1.uids.lowerBound }
        state.withLock {
            $0.version = version
            $0.ranges = sorted
        }
        return complaints
    }

    /// The user as whom a uid counts: itself for most.
    public func payer(of uid: UInt32) -> UInt32 {
        state.withLock { state in
            var uid = uid
            // The owner of a range may itself be in another's. A few steps are followed, so that a loop has an end.
            for _ in 0..<4 {
                guard let owner = SubordinateUsers.owner(of: uid, in: state.ranges), owner != uid else { break }
                uid = owner
            }
            return uid
        }
    }

    // MARK: Ranges

    private static func owner(of uid: UInt32, in ranges: [Range]) -> UInt32? {
        var low = 0
        var high = ranges.count
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].uids.upperBound < uid { low = middle + 1 } else { high = middle }
        }
        guard low < ranges.count, ranges[low].uids.contains(uid) else { return nil }
        return ranges[low].owner
    }

    /// Adds the part of a range that no earlier range has: of lines that overlap, the first counts.
    static func add(_ range: Range, to ranges: inout [Range]) {
        var rest = [range.uids]
        for known in ranges {
            rest = rest.flatMap { left -> [ClosedRange<UInt32>] in
                guard left.overlaps(known.uids) else { return [left] }
                var parts: [ClosedRange<UInt32>] = []
                if left.lowerBound < known.uids.lowerBound {
                    parts.append(left.lowerBound...(known.uids.lowerBound - 1))
                }
                if left.upperBound > known.uids.upperBound {
                    parts.append((known.uids.upperBound + 1)...left.upperBound)
                }
                return parts
            }
            if rest.isEmpty { return }
        }
        ranges += rest.map { Range(uids: $0, owner: range.owner) }
    }

    // MARK: The file

    static let lineLimit = 4096

    /// Reads `owner:first:count` lines: decimal numbers without signs, `count` at least 1, no uid above 4,294,967,294,
    /// and never uid 0, which is root's. Empty lines and comments are ignored, as by newuidmap(1).
    /// - Returns: a complaint for each malformed line, which newuidmap ignores too.
    static func parse(_ text: String) -> (lines: [(owner: String, uids: ClosedRange<UInt32>)], complaints: [String]) {
        var lines: [(String, ClosedRange<UInt32>)] = []
        var complaints: [String] = []
        var number = 0
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            number += 1
            if line.isEmpty || line.hasPrefix("#") { continue }
            guard lines.count < lineLimit else {
                complaints.append("line \(number): there are more than \(lineLimit) lines; the rest is not read")
                break
            }
            let fields = line.split(separator: ":", omittingEmptySubsequences: false)
            guard fields.count == 3, !fields[0].isEmpty, let first = decimal(fields[1]), let count = decimal(fields[2]),
                first > 0, count > 0, first + count - 1 < UInt64(UInt32.max)
            else {
                complaints.append("line \(number) is no range of uids")
                continue
            }
            lines.append((String(fields[0]), UInt32(first)...UInt32(first + count - 1)))
        }
        return (lines, complaints)
    }

    private static func decimal(_ text: Substring) -> UInt64? {
        guard (1...10).contains(text.utf8.count), text.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
        return UInt64(text)
    }
}
