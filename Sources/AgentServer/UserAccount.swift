import DTASystem

/// Bounds on what one user may occupy.
public struct ServerLimits: Sendable {
    public var connectionsPerUser = 256
    public var requestsPerConnection = 64
    public var requestsPerUser = 1024
    /// What the requests of a user that are in flight carry, in bytes.
    public var requestBytesPerUser = 64 << 20
    /// What a user's connections have sent and no worker has taken yet, in bytes.
    public var heldBytesPerUser = 64 << 20
    /// Answers that a user's connections have not read yet, in bytes.
    public var unreadBytesPerUser = 64 << 20
    /// Unread answers of one connection, past which it is closed.
    public var unreadBytesPerConnection = 16 << 20
    /// How long half a frame, or an answer that is not read, is waited for.
    public var stallNanoseconds: UInt64 = 10_000_000_000

    public init() {}
}

/// What one user occupies: connections, input not taken yet, requests in flight, answers not read.
final class UserAccount: Sendable {
    struct Usage {
        var connections = 0
        var requests = 0
        var requestBytes = 0
        var heldBytes = 0
        var unreadBytes = 0
    }

    let uid: UInt32
    private let usage = Locked(Usage())

    init(uid: UInt32) { self.uid = uid }

    func openConnection(limit: Int) -> Bool {
        usage.withLock {
            guard $0.connections < limit else { return false }
            $0.connections += 1
            return true
        }
    }

    /// - Returns: whether that was the last one.
    func closeConnection() -> Bool {
        usage.withLock {
            $0.connections -= 1
            return $0.connections == 0
        }
    }

    /// - Parameter bytes: what the request carries.
    func beginRequest(bytes: Int, limits: ServerLimits) -> Bool {
        usage.withLock {
            guard $0.requests < limits.requestsPerUser, $0.requestBytes + bytes <= limits.requestBytesPerUser else {
                return false
            }
            $0.requests += 1
            $0.requestBytes += bytes
            return true
        }
    }

    func endRequest(bytes: Int) {
        usage.withLock {
            $0.requests -= 1
            $0.requestBytes -= bytes
        }
    }

    /// - Parameter change: by how many bytes a connection's untaken input grew or shrank.
    /// - Returns: false where that makes more than `limit`; it is counted all the same.
    func hold(_ change: Int, limit: Int) -> Bool {
        usage.withLock {
            $0.heldBytes += change
            return change <= 0 || $0.heldBytes <= limit
        }
    }

    /// - Returns: false where that makes more unread bytes than `limit`; they are counted all the same.
    func addUnread(_ bytes: Int, limit: Int) -> Bool {
        usage.withLock {
            $0.unreadBytes += bytes
            return $0.unreadBytes <= limit
        }
    }

    func removeUnread(_ bytes: Int) { usage.withLock { $0.unreadBytes -= bytes } }
}
