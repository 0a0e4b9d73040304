import DTASystem

/// The bytes that the input, the requests and the unread answers of all users may occupy together.
///
/// A user may have as many bytes as are still free. So one user gets half of it at most, two get a third each, and
/// however many there are, an equal part stays free for the next one.
final class ByteBudget: Sendable {
    let limit: Int
    private let state = Locked(0)

    init(limit: Int) { self.limit = limit }

    /// - Parameter holding: what the same user has already.
    /// - Returns: false if it would have more than what is left.
    func take(_ bytes: Int, holding: Int) -> Bool {
        state.withLock { used in
            guard holding + bytes <= limit - used - bytes else { return false }
            used += bytes
            return true
        }
    }

    /// What each user may have in any case.
    func add(_ bytes: Int) { state.withLock { $0 += bytes } }

    func giveBack(_ bytes: Int) { state.withLock { $0 -= bytes } }

    var used: Int { state.withLock { $0 } }
}
