import DTABytes
import DTASystem

/// A socket to which clients connect, and what is spoken there.
public struct Listener: Sendable {
    let socket: Descriptor
    let dialect: Dialect

    /// - Parameter socket: bound and listening.
    public init(_ socket: Descriptor, _ dialect: Dialect = .agent) {
        self.socket = socket
        self.dialect = dialect
    }
}

/// What is spoken on a socket. All dialects share workers, turns, bounds and lanes.
public enum Dialect: Sendable {
    /// Requests and answers of agent.proto, which have ids.
    case agent
    /// Frames of another protocol, whose answers come in the order of the requests.
    case frames(any FrameDialect)
}

/// A protocol of frames with a length of 4 bytes before each, big-endian, which does not count itself.
public protocol FrameDialect: Sendable {
    /// The longest frame, after its length.
    var frameLimit: Int { get }

    /// The bytes for a client that is turned away before it asked anything.
    func refusal(because reason: DTAError) -> [UInt8]

    /// Begins with a client whose caller is known.
    func conversation(with caller: Caller) -> any FrameConversation
}

/// What one client asks, one frame after the other: the next one is read when the last one is answered. It may remember
/// what was said. A frame may hold a passphrase: it is zeroed when its last reference is gone.
public protocol FrameConversation: Sendable {
    /// As `RequestHandler.prepare`: it must neither wait nor block.
    func prepare(_ frame: SecretReference) -> Step

    /// Records a request that a bound turned away, and gives its answer.
    func turnAway(_ frame: SecretReference, because reason: DTAError) -> Outcome

    /// Records that the stream cannot be followed any further, and gives its last answer.
    /// - Parameter isCutShort: whether it ended within a frame; then nobody reads the answer.
    func breakOff(because reason: DTAError, isCutShort: Bool) -> Outcome
}

extension Dialect {
    var frameLimit: Int? {
        switch self {
        case .agent: nil
        case .frames(let dialect): dialect.frameLimit
        }
    }

    func conversation(with caller: Caller) -> (any FrameConversation)? {
        switch self {
        case .agent: nil
        case .frames(let dialect): dialect.conversation(with: caller)
        }
    }
}
