import Crypto
import DTABytes

/// The format of `known_hosts` (sshd(8)): by which keys hosts are known.
public enum SSHKnownHosts {
    /// The keys of a host, and those of authorities for its name. Lines that are none, and keys of types that are not
    /// known here, are passed over, as ssh does; so are revoked keys.
    /// - Parameters:
    ///   - host: its name or address, or `[NAME]:PORT`.
    ///   - text: a whole file.
    public static func keys(of host: String, in text: String) -> [SSHDestination.KnownKey] {
        text.split(whereSeparator: \.isNewline).compactMap { line in
            var fields = line.split(whereSeparator: { $0 == " " || $0 == "\t" })[...]
            guard let first = fields.first, !first.hasPrefix("#") else { return nil }
            let marker = first.hasPrefix("@") ? fields.popFirst() : nil
            guard fields.count >= 3, marker == nil || marker == "@cert-authority",
                let names = fields.popFirst(), matches(host, names),
                let key = try? SSHPublicKey.line(fields.prefix(2).joined(separator: " ")).key
            else { return nil }
            return SSHDestination.KnownKey(key, isAuthority: marker != nil)
        }
    }

    private static func matches(_ host: String, _ names: Substring) -> Bool {
        if names.hasPrefix("|1|") { return isHash(names, of: host) }
        var found = false
        for name in names.split(separator: ",") {
            if name.hasPrefix("!") {
                if SSHPattern.matches(host, String(name.dropFirst())) { return false }
            } else {
                found = found || SSHPattern.matches(host, String(name))
            }
        }
        return found
    }

    /// `|1|SALT|HASH`, both in base64: HMAC-SHA1 of the name under the salt. SHA-1 hides names here, and protects
    /// nothing.
    private static func isHash(_ field: Substring, of host: String) -> Bool {
        let parts = field.split(separator: "|")
        guard parts.count == 3, let salt = Base64.decode(parts[1]), let hash = Base64.decode(parts[2]) else {
            return false
        }
        let code = HMAC<Insecure.SHA1>.authenticationCode(for: Array(host.utf8), using: SymmetricKey(data: salt))
        return Array(code) == hash
    }
}
