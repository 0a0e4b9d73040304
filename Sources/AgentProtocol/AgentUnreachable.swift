import DTASystem
import Glibc

/// No connection to the agent could be made: nothing was asked, so asking again later is always safe.
///
/// A failure after a request was sent is a `DTAError` instead: then it is not known whether the request was done.
public struct AgentUnreachable: Error, Sendable, Equatable, CustomStringConvertible {
    /// The path of the agent's socket.
    public let socketPath: String
    /// The errno of the attempt to connect; ETIMEDOUT if the agent took no connection in time.
    public let errno: Int32

    /// - Parameter socketPath: the path of the agent's socket.
    /// - Parameter errno: of the attempt to connect.
    public init(socketPath: String, errno: Int32) {
        self.socketPath = socketPath
        self.errno = errno
    }

    /// The same for people and for `--json`, with code `unavailable`.
    public var error: DTAError {
        let sentence = "the agent cannot be reached at \(socketPath): \(reason)"
        return errno == ENOENT
            ? DTAError(.unavailable, sentence, helps: .nameSocket) : DTAError(.unavailable, sentence, hint: hint)
    }

    public var description: String { error.description }

    /// The path at which an installed agent listens.
    public static let installedSocket = "/run/dtad/agent.sock"

    private var reason: String {
        switch errno {
        case ENOENT: "there is no such socket"
        case ECONNREFUSED: "no program listens on this socket"
        case EACCES, EPERM: "this user may not connect to it"
        case ENAMETOOLONG: "the path is empty or longer than the 107 bytes that a socket's path may have"
        case ENOTSOCK, EPROTOTYPE: "this is not a stream socket"
        case ETIMEDOUT: "the agent took no connection in time"
        default: errorText(errno)
        }
    }

    private var hint: String {
        switch errno {
        case ECONNREFUSED:
            socketPath == AgentUnreachable.installedSocket
                ? "is dtad running? Try: systemctl status dtad.socket"
                : "is dtad running? A socket stays behind when its agent was killed"
        case EACCES, EPERM:
            socketPath == AgentUnreachable.installedSocket
                ? "users of the group dta may connect: sudo usermod -aG dta $USER, then log in again"
                : "it belongs to other users: see the owner and the group of the socket, and of the folders above it"
        case ENAMETOOLONG: "use a shorter path"
        case ETIMEDOUT: "it may be overloaded or stopped; try again"
        default: "is this the socket of dtad?"
        }
    }
}
