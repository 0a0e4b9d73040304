import DTASystem

/// The reason why a repeated attempt fails: it is reported once, and so is its end.
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
