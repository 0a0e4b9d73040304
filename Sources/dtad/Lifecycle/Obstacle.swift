import DTASystem

/// What stands in the way of something that is tried again and again: it is told of once, and its end is too.
final class Obstacle: Sendable {
    private let reason = Locked<String?>(nil)

    /// Calls `tell` if the reason is another one than before.
    func set(_ new: String, tell: () -> Void) {
        let isNew = reason.withLock { old in
            defer { old = new }
            return old != new
        }
        if isNew { tell() }
    }

    /// Calls `tell` if there was a reason.
    func clear(tell: () -> Void) {
        let wasThere = reason.withLock { old in
            defer { old = nil }
            return old != nil
        }
        if wasThere { tell() }
    }
}
