import DTAConfiguration
import DTASystem

/// The address at which a server listens: `unix:/path`, `127.0.0.1:8440`, `[::1]:8440`. Names of hosts are not
/// accepted: they may change.
public enum ListenAddress: Sendable, Equatable, CustomStringConvertible {
    case unix(String)
    case address(String, port: Int)

    init(_ text: String, key: String, file: ConfigurationFile) throws {
        if text.hasPrefix("unix:"), let path = file.absolute(String(text.dropFirst(5))) {
            try ListenAddress.check(socketPath: path, key: key, file: file)
            self = .unix(path)
            return
        }
        guard let address = ListenAddress(address: text) else {
            throw DTAError(
                .invalidArgument, "\(file.path): \(key): \"\(text)\" is no address to listen on",
                hint: "127.0.0.1:8440, [::1]:8440 or unix:/run/dtagw/gateway.sock")
        }
        self = address
    }

    /// - Throws: `DTAError` if it is too long for the kernel.
    static func check(socketPath path: String, key: String, file: ConfigurationFile) throws {
        let count = path.utf8.count
        guard count > UnixSocket.pathLimit else { return }
        throw DTAError(
            .invalidArgument,
            "\(file.path): \(key): a socket's path has at most \(UnixSocket.pathLimit) bytes, and \(path) has \(count)",
            hint: "a shorter path, in /run for instance")
    }

    private init?(address text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
            (0...65_535).contains(port)
        else { return nil }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
            guard host.contains(":") else { return nil }
        } else if host.contains(":") {
            return nil
        }
        guard !host.isEmpty, host.allSatisfy({ $0.isHexDigit || $0 == "." || $0 == ":" }) else { return nil }
        self = .address(String(host), port: port)
    }

    /// Whether other hosts cannot reach it.
    var isLocal: Bool {
        switch self {
        case .unix: true
        case .address(let host, _): ListenAddress.isLoopback(host)
        }
    }

    /// Whether an IP address is of this host alone (RFC 1122 §3.2.1.3, RFC 4291 §2.5.3).
    static func isLoopback(_ host: String) -> Bool {
        let octets = host.split(separator: ".", omittingEmptySubsequences: false)
        return host == "::1" || (octets.count == 4 && octets[0] == "127" && octets.allSatisfy { UInt8($0) != nil })
    }

    public var description: String {
        switch self {
        case .unix(let path): "unix:\(path)"
        case .address(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        }
    }
}
