import CustodyProtocol
import DTASystem

/// One dtad-hsm, as the front sees it: the connection, and a means to end the process, if there is one.
public protocol CustodyProcess: AnyObject, Sendable {
    var custodian: any Custodian { get }
    /// Whether the connection can no longer be used: the process died, hung or broke the protocol.
    var isBroken: Bool { get }
    /// Whether another one may be started in its place. A wrong PIN is never tried twice.
    var mayBeReplaced: Bool { get }
    /// For noticing that the process is gone while it is idle.
    var socket: Int32 { get }
    /// Keeps the process on one processor, if possible.
    func pin(to processor: Int32)
    /// Ends the process, or at least the connection to it.
    func end()
}

/// A dtad-hsm that did not start.
public struct CustodyLaunchError: Error {
    public var reason: DTAError
    /// A wrong PIN is never tried twice: real HSMs destroy keys after a few.
    public var mayRetry: Bool

    public init(reason: DTAError, mayRetry: Bool) {
        self.reason = reason
        self.mayRetry = mayRetry
    }
}
