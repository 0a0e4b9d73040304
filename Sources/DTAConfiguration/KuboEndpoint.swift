import DTASystem

/// Where an IPFS node's RPC is reached: `unix:/path`, or `http://` and `https://` with a host and maybe a port.
///
/// Whoever speaks to that RPC controls the node, so it never crosses a network in the clear: plain HTTP is for this host.
public struct KuboEndpoint: Sendable, Equatable, CustomStringConvertible {
    public enum Transport: Sendable, Equatable {
        /// The absolute path of a socket.
        case unix(path: String)
        /// TCP without TLS, on this host.
        case loopback
        case tls
    }

    /// As it was written, and as errors name it.
    public let description: String
    public let transport: Transport
    /// What the RPC's paths come after, without a slash at the end.
    public let base: String

    /// Whether it takes a network, which dtad's unit does not have by itself.
    public var needsNetwork: Bool {
        if case .unix = transport { return false }
        return true
    }

    /// The longest path that a Unix socket can have: `sun_path` without its zero.
    private static let pathLimit = 107

    /// - Throws: `DTAError.invalidArgument` with the end of a sentence that begins with the key.
    public init(_ text: String) throws {
        description = text
        if text.hasPrefix("unix:") {
            let path = String(text.dropFirst("unix:".count))
            guard path.hasPrefix("/"), path.utf8.count <= KuboEndpoint.pathLimit, !path.utf8.contains(0) else {
                throw KuboEndpoint.wrong(
                    "must be unix: and the absolute path of a socket, of at most \(KuboEndpoint.pathLimit) bytes")
            }
            transport = .unix(path: path)
            base = "http://localhost"
            return
        }
        guard let scheme = ["https", "http"].first(where: { text.hasPrefix("\($0)://") }) else {
            throw KuboEndpoint.wrong("must be unix:/path, http://127.0.0.1:PORT or https://HOST:PORT")
        }
        var rest = text.dropFirst(scheme.count + 3)
        if rest.hasSuffix("/") { rest = rest.dropLast() }
        let host = try KuboEndpoint.host(rest)
        base = "\(scheme)://\(rest)"
        transport = scheme == "https" ? .tls : .loopback
        guard scheme == "https" || KuboEndpoint.isThisHost(host) else {
            throw KuboEndpoint.wrong(
                "must be https:// for another host: whoever reads or changes what passes controls the node")
        }
    }

    /// The host of `host`, `host:port` or `[address]:port`, and nothing but these: no user, no path, no query.
    private static func host(_ text: Substring) throws -> String {
        let host: Substring
        let port: Substring
        if text.hasPrefix("["), let end = text.firstIndex(of: "]") {
            host = text[text.index(after: text.startIndex)..<end]
            port = text[text.index(after: end)...]
            guard !host.isEmpty, host.utf8.allSatisfy({ isHexadecimal($0) || $0 == UInt8(ascii: ":") }) else {
                throw wrong("has no IPv6 address between its brackets")
            }
        } else {
            host = text.prefix { $0 != ":" }
            port = text[host.endIndex...]
            guard !host.isEmpty, host.utf8.allSatisfy(isOfName) else {
                throw wrong("must be a host and maybe a port, without a user, a path or a query")
            }
        }
        guard port.isEmpty || isPort(port) else { throw wrong("must end with a port from 1 to 65535") }
        return String(host)
    }

    private static func isPort(_ text: Substring) -> Bool {
        guard text.hasPrefix(":"), text.dropFirst().utf8.allSatisfy(isDigit) else { return false }
        return UInt16(text.dropFirst()).map { $0 > 0 } ?? false
    }

    /// By its number, or by the one name that never means another: other names depend on who answers them.
    private static func isThisHost(_ host: String) -> Bool {
        if host == "localhost" || host == "::1" { return true }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127"
            && parts.allSatisfy { $0.utf8.allSatisfy(isDigit) && UInt8($0) != nil }
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte | 0x20)
    }

    private static func isOfName(_ byte: UInt8) -> Bool {
        isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
            || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
    }

    private static func wrong(_ reason: String) -> DTAError { DTAError(.invalidArgument, reason) }
}
