import Glibc
import NIOHTTP1

/// A request's target (RFC 9112 §3.2) and its field Host.
enum RequestTarget {
    /// Brings the target into origin form.
    /// - Throws: `Problem`, 400, for a malformed target, a missing, repeated or malformed Host, and for a target that
    ///   names another host than Host.
    static func normalise(_ head: inout HTTPRequestHead) throws(Problem) {
        let hosts = head.headers["host"]
        guard hosts.count <= 1 else { throw .invalid("the request has more than one Host") }
        guard hosts.count == 1 || head.version.minor == 0 else { throw .invalid("the request has no Host") }
        guard hosts.allSatisfy({ isHost($0) }) else {
            throw .invalid("the request's Host is not a host's name, with or without a port")
        }
        guard !head.uri.contains("#") else { throw .invalid("a request's target has no fragment") }
        guard head.method != .CONNECT else { throw .invalid("this is no proxy: it connects to no other server") }
        if head.uri.hasPrefix("/") || (head.uri == "*" && head.method == .OPTIONS) { return }
        guard let (scheme, authority, path) = absolute(head.uri) else {
            throw .invalid("the request's target is neither a path nor a URL of http or https")
        }
        guard isHost(authority) else { throw .invalid("the request's target names no host") }
        guard let host = hosts.first else {
            head.headers.add(name: "host", value: authority)
            head.uri = path
            return
        }
        guard plain(host, scheme) == plain(authority, scheme) else {
            throw .invalid("the request's target and its Host name different hosts")
        }
        head.uri = path
    }

    /// A URL's scheme, its authority, and the rest, in origin form.
    private static func absolute(_ target: String) -> (scheme: String, authority: String, path: String)? {
        for scheme in ["http", "https"] where target.lowercased().hasPrefix("\(scheme)://") {
            let rest = target.dropFirst(scheme.count + 3)
            let authority = rest.prefix { $0 != "/" && $0 != "?" }
            let path = rest.dropFirst(authority.count)
            return (scheme, String(authority), path.hasPrefix("/") ? String(path) : "/\(path)")
        }
        return nil
    }

    /// Host and port, without a scheme's default port.
    private static func plain(_ authority: String, _ scheme: String) -> String {
        var plain = authority.lowercased()
        for suffix in [scheme == "http" ? ":80" : ":443", ":"] where plain.hasSuffix(suffix) {
            plain.removeLast(suffix.count)
        }
        return plain
    }

    /// `host`, `host:port` or `[IPv6]:port`: names have letters, digits, and `-._~`, without escapes.
    static func isHost(_ text: String) -> Bool {
        var host = Substring(text)
        var port = Substring()
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return false }
            var bytes = [UInt8](repeating: 0, count: 16)
            let inside = String(text[text.index(after: text.startIndex)..<end])
            guard inet_pton(AF_INET6, inside, &bytes) == 1 else { return false }
            let rest = text[text.index(after: end)...]
            guard rest.isEmpty || rest.hasPrefix(":") else { return false }
            port = rest.dropFirst()
        } else {
            if let colon = text.firstIndex(of: ":") {
                host = text[..<colon]
                port = text[text.index(after: colon)...]
            }
            guard !host.isEmpty, host.utf8.allSatisfy({ isOfName($0) }) else { return false }
        }
        return port.isEmpty || (port.utf8.allSatisfy { (0x30...0x39).contains($0) } && UInt16(port) != nil)
    }

    private static func isOfName(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
            || "-._~".utf8.contains(byte)
    }
}
