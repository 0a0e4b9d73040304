import DTASystem

/// The address of an IPFS node's RPC: `unix:/path`, or `http://` and `https://` with a host and maybe a port.
///
/// A program that speaks to that RPC controls the node, so it never crosses a network in the clear: plain HTTP is for
/// this host.
public struct KuboEndpoint: Sendable, Equatable, CustomStringConvertible {
    public let address: HTTPAddress

    /// As it was written, and as errors name it.
    public var description: String { address.description }
    public var transport: HTTPAddress.Transport { address.transport }
    /// The prefix of the RPC's paths, without a slash at the end.
    public var base: String { address.base }

    /// Whether it needs a network, which dtad's unit does not have by default.
    public var needsNetwork: Bool {
        if case .unix = transport { return false }
        return true
    }

    /// - Throws: `DTAError.invalidArgument` with the end of a sentence that begins with the key.
    public init(_ text: String) throws {
        do {
            address = try HTTPAddress(text)
        } catch {
            throw DTAError(.invalidArgument, error.reason)
        }
        guard transport != .plain else {
            throw DTAError(
                .invalidArgument,
                "must be https:// for another host: a program that can read or change the traffic controls the node")
        }
    }
}
