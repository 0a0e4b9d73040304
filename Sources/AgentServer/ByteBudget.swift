import DTASystem

/// The bytes that the input, the requests and the unread answers of all users may occupy together.
///
/// A user may have as much of it as is left over. So one user has half of it at most, two have a third each, and however
/// many greedy ones there are, as much as each of them has stays free for the next.
final class ByteBudget: Sendable {
    let limit: Int
    private let state = Locked(0)

    init(limit: Int) { self.limit = limit }

    /// - Parameter holding: what the same user has already.
    /// - Returns: false where it would have more than what is left.
    func take(_ bytes: Int, holding: Int) -> Bool {
        state.withLock { used in
            guard holding + bytes <= limit - used - bytes else { return false }
            used += bytes
            return true
        }
    }

    /// What a user gets without asking.
    func add(_ bytes: Int) { state.withLock { $0 += bytes } }

    func giveBack(_ bytes: Int) { state.withLock { $0 -= bytes } }

    var used: Int { state.withLock { $0 } }
}
