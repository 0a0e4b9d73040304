import CustodyProtocol
import DTASystem
import Foundation

/// A dtad-hsm that a test started, as dtad does without systemd: its connection is descriptor 3.
/// It ends when that is closed.
public final class HSMProcess: Sendable {
    public let process: Subprocess
    /// Our end, where `start` has not given it to a `CustodyConnection`.
    public let socket: Descriptor

    public convenience init(_ token: TestToken, environment: [String: String] = [:]) throws {
        try self.init(configuration: token.configuration, environment: environment)
    }

    /// - Parameter configuration: a `dtad.yaml`, for instance a stopped agent's.
    public init(configuration: String, environment: [String: String] = [:]) throws {
        let (ours, theirs) = try UnixSocket.pair()
        socket = ours
        process = try Subprocess(
            try Binary.path("dtad-hsm"), ["--config", configuration], environment: environment,
            descriptors: [3: theirs.number], endsWithReference: false)
        withExtendedLifetime(theirs) {}
    }

    /// Begins, and waits for its first message.
    public func connect(
        expecting token: TokenIdentity? = nil, deadlineMilliseconds: Int = 5000
    ) throws -> CustodyConnection {
        try CustodyConnection(
            socket, startMilliseconds: 60_000, deadlineMilliseconds: deadlineMilliseconds, expecting: token)
    }
}
