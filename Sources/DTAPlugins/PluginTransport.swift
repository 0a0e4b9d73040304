import DTASystem
import Glibc

/// How a plugin is called: each call has a process of its own.
public enum PluginTransport: Sendable, Equatable {
    /// Started by this process, as its own user.
    case program(String)
    /// Started by the service manager for each connection to this socket.
    case socket(String)

    /// One request, one answer.
    /// - Parameter complaints: gets the end of the plugin's words on standard error, if there are any.
    /// - Returns: the answer's line.
    /// - Throws: `PluginFailure`.
    func exchange(
        _ request: [UInt8], _ limits: PluginLimits, complaints: ([UInt8]) -> Void = { _ in }
    ) throws -> [UInt8] {
        let deadline = monotonicNanoseconds() + UInt64(limits.milliseconds) * 1_000_000
        do {
            switch self {
            case .program(let path):
                let child = try PluginTransport.start(path, limits, deadline)
                return try PluginExchange.run(
                    request, on: child.channel, child: child, limits: limits, deadline: deadline,
                    complaints: complaints)
            case .socket(let path):
                let socket = try PluginTransport.connect(path, limits, deadline)
                return try PluginExchange.run(
                    request, on: socket, child: nil, limits: limits, deadline: deadline, complaints: complaints)
            }
        } catch let error as SystemCallError {
            let hint =
                switch (self, error.errno) {
                case (.program, ENOEXEC): "its first line names its interpreter, as #!/bin/sh does"
                case (.program(let path), ENOENT) where unsafe access(path, F_OK) == 0:
                    "the interpreter that its first line names must be there"
                default: ""
                }
            throw PluginFailure.unreachable("\(error)", hint: hint)
        }
    }

    private static func start(_ path: String, _ limits: PluginLimits, _ deadline: UInt64) throws -> PluginChild {
        while true {
            do {
                return try PluginChild(path, limits)
            } catch let error as SystemCallError where error.errno == ETXTBSY && monotonicNanoseconds() < deadline {
                // A process still has it open for writing, such as an installer.
                usleep(10_000)
            }
        }
    }

    private static func connect(_ path: String, _ limits: PluginLimits, _ deadline: UInt64) throws -> Descriptor {
        while true {
            do {
                return try UnixSocket.connect(to: path, nonBlocking: true)
            } catch let error as SystemCallError where error.errno == EAGAIN {
                // The service manager has not accepted earlier connections. connect(2) on a Unix socket cannot be
                // polled.
                guard monotonicNanoseconds() < deadline else {
                    throw PluginFailure.slow(milliseconds: limits.milliseconds)
                }
                usleep(10_000)
            }
        }
    }
}
