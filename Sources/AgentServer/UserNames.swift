import DTASystem
import Glibc

/// The names of users, remembered for a second. A name is half of who owns a key, so an old one must not live on: what
/// is remembered is forgotten as soon as /etc/passwd changes.
final class UserNames: Sendable {
    private static let lifetime: UInt64 = 1_000_000_000
    private static let most = 4096

    private struct State {
        var names: [UInt32: (name: String, since: UInt64)] = [:]
        var version = FileVersion()
        /// The uids in /etc/passwd, for which no directory service on the network is asked.
        var local: Set<UInt32> = []
    }

    private let file: String
    private let lookUp: @Sendable (UInt32) -> String
    private let state = Locked(State())

    init(file: String = "/etc/passwd", _ lookUp: @escaping @Sendable (UInt32) -> String) {
        self.file = file
        self.lookUp = lookUp
    }

    /// The name, if it is known without asking.
    func remembered(_ uid: UInt32) -> String? {
        let now = monotonicNanoseconds()
        let version = FileVersion(of: file)
        return state.withLock { state in
            notice(version, &state)
            guard let known = state.names[uid], now < known.since + UserNames.lifetime else { return nil }
            return known.name
        }
    }

    /// Whether the answer is in a file of this host.
    func isLocal(_ uid: UInt32) -> Bool { state.withLock { $0.local.contains(uid) } }

    /// Asks for the name, for as long as it takes.
    func find(_ uid: UInt32) -> String {
        if let known = remembered(uid) { return known }
        let version = state.withLock { $0.version }
        let since = monotonicNanoseconds()
        let name = lookUp(uid)
        state.withLock { state in
            guard state.version == version else { return }
            if state.names.count >= UserNames.most { state.names = [:] }
            state.names[uid] = (name, since)
        }
        return name
    }

    private func notice(_ version: FileVersion, _ state: inout State) {
        guard version != state.version else { return }
        state.version = version
        state.names = [:]
        state.local = UserNames.uids(in: file)
    }

    private static func uids(in path: String) -> Set<UInt32> {
        guard let text = try? readSmallText(path) else { return [] }
        var uids: Set<UInt32> = []
        for line in text.split(separator: "\n") {
            let fields = line.split(separator: ":", omittingEmptySubsequences: false)
            if fields.count >= 7, let uid = UInt32(fields[2]) { uids.insert(uid) }
        }
        return uids
    }
}
