/// The address of an HTTP service: `unix:/path`, or `http://` and `https://` with a host and maybe a port. No user, no
/// query; a path only if one is allowed.
public struct HTTPAddress: Sendable, Equatable, CustomStringConvertible {
    public enum Transport: Sendable, Equatable {
        /// The absolute path of a socket.
        case unix(path: String)
        /// TCP without TLS, on this host.
        case loopback
        /// TCP without TLS, to another host: others on the network can read and change it.
        case plain
        case tls
    }

    /// Why a text is no address: the end of a sentence that begins with the text's name, such as a key or an option.
    public struct Wrong: Error, Sendable, Equatable {
        public let reason: String
    }

    /// As it was written; errors name it so.
    public let description: String
    public let transport: Transport
    /// The prefix of the service's paths, without a slash at the end.
    public let base: String
    /// The origin: scheme, host and port (RFC 6454), the host in lower case and the port always named; or the socket. A
    /// secret belongs to one origin.
    public let origin: String

    /// - Parameter allowsPath: whether the service may be below a path: `https://example.org/dta`.
    public init(_ text: String, allowsPath: Bool = false) throws(Wrong) {
        description = text
        if text.hasPrefix("unix:") {
            let path = String(text.dropFirst("unix:".count))
            guard path.hasPrefix("/"), path.utf8.count <= UnixSocket.pathLimit, !path.utf8.contains(0) else {
                throw Wrong(
                    reason: "must be unix: and the absolute path of a socket, of at most \(UnixSocket.pathLimit) bytes"
                )
            }
            transport = .unix(path: path)
            base = "http://localhost"
            origin = text
            return
        }
        guard let scheme = ["https", "http"].first(where: { text.hasPrefix("\($0)://") }) else {
            throw Wrong(reason: "must be unix:/path, http://127.0.0.1:PORT or https://HOST:PORT")
        }
        var rest = text.dropFirst(scheme.count + 3)
        if rest.hasSuffix("/") { rest = rest.dropLast() }
        let path = allowsPath ? rest[(rest.firstIndex(of: "/") ?? rest.endIndex)...] : ""
        guard path.utf8.allSatisfy(HTTPAddress.isOfPath), !path.contains("/../"), !path.hasSuffix("/..") else {
            throw Wrong(reason: "has a path with characters that no path of a service needs")
        }
        let authority = rest.dropLast(path.count)
        let host = try HTTPAddress.host(authority)
        base = "\(scheme)://\(rest)"
        let port = authority.hasSuffix("]") ? nil : authority.lastIndex(of: ":").map { authority[$0...].dropFirst() }
        let number = port.flatMap { UInt16($0) } ?? (scheme == "https" ? 443 : 80)
        let name = host.lowercased()
        origin = "\(scheme)://\(name.contains(":") ? "[\(name)]" : name):\(number)"
        transport = scheme == "https" ? .tls : HTTPAddress.isThisHost(host) ? .loopback : .plain
    }

    /// The host of `host`, `host:port` or `[address]:port`.
    private static func host(_ text: Substring) throws(Wrong) -> String {
        let host: Substring
        let port: Substring
        if text.hasPrefix("["), let end = text.firstIndex(of: "]") {
            host = text[text.index(after: text.startIndex)..<end]
            port = text[text.index(after: end)...]
            guard !host.isEmpty, host.utf8.allSatisfy({ isHexadecimal($0) || $0 == UInt8(ascii: ":") }) else {
                throw Wrong(reason: "has no IPv6 address between its brackets")
            }
        } else {
            host = text.prefix { $0 != ":" }
            port = text[host.endIndex...]
            guard !host.isEmpty, host.utf8.allSatisfy(isOfName) else {
                throw Wrong(reason: "must be a host and maybe a port, without a user, a path or a query")
            }
        }
        guard port.isEmpty || isPort(port) else { throw Wrong(reason: "must end with a port from 1 to 65535") }
        return String(host)
    }

    private static func isPort(_ text: Substring) -> Bool {
        guard text.hasPrefix(":"), text.dropFirst().utf8.allSatisfy(isDigit) else { return false }
        return UInt16(text.dropFirst()).map { $0 > 0 } ?? false
    }

    /// By its number, or by the one name that always means this host: other names depend on a name server.
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

    /// RFC 3986's unreserved characters, and slashes.
    private static func isOfPath(_ byte: UInt8) -> Bool { isOfName(byte) || "/_~".utf8.contains(byte) }
}
