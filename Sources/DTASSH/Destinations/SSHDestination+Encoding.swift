/// Destinations as bytes: the contents of OpenSSH's `restrict-destination-v00@openssh.com` (PROTOCOL.agent §2), with `*`
/// as the name of any host, which that has not.
extension SSHDestination {
    /// The most destinations of one key, and the most keys of one host.
    public static let limit = 256
    public static let keyLimit = 64
    private static let anyHost = "*"

    /// - Throws: if there are too many, or one is no destination.
    public static func decode(_ bytes: [UInt8]) throws(SSHFormatError) -> [SSHDestination] {
        var reader = SSHReader(bytes)
        var destinations: [SSHDestination] = []
        while !reader.isAtEnd {
            guard destinations.count < limit else { throw SSHFormatError("there are more than \(limit) destinations") }
            var one = SSHReader(try reader.string())
            let (fromUser, from) = try hop(SSHReader(try one.string()))
            let (user, to) = try hop(SSHReader(try one.string()))
            guard try one.string().isEmpty else { throw SSHFormatError("a destination has an unknown extension") }
            try one.finish()
            guard fromUser == nil, let to else { throw SSHFormatError("a destination is not from a host to a host") }
            destinations.append(SSHDestination(from: from, to: to, user: user))
        }
        return destinations
    }

    /// - Returns: no host if the hop begins here.
    private static func hop(_ bytes: SSHReader) throws(SSHFormatError) -> (user: String?, host: Host?) {
        var reader = bytes
        let user = try reader.text(atMost: SSHLogin.userLimit)
        let name = try reader.text(atMost: 256)
        guard try reader.string().isEmpty else { throw SSHFormatError("a hop has an unknown extension") }
        var keys: [KnownKey] = []
        while !reader.isAtEnd {
            guard keys.count < keyLimit else { throw SSHFormatError("a host has more than \(keyLimit) keys") }
            let key = try SSHPublicKey(blob: try reader.string())
            keys.append(KnownKey(key, isAuthority: try reader.boolean()))
        }
        let asked = user.isEmpty ? nil : user
        switch (name, keys.isEmpty) {
        case ("", true): return (asked, nil)
        case (anyHost, true): return (asked, .any)
        case ("", false), (anyHost, false), (_, true): throw SSHFormatError("a host has no name, or no key")
        case (_, false): return (asked, .known(name, keys))
        }
    }

    public static func encode(_ destinations: [SSHDestination]) -> [UInt8] {
        var writer = SSHWriter()
        for destination in destinations {
            var one = SSHWriter()
            one.string(encode(nil, destination.from))
            one.string(encode(destination.user, destination.to))
            one.string("")
            writer.string(one.bytes)
        }
        return writer.bytes
    }

    private static func encode(_ user: String?, _ host: Host?) -> [UInt8] {
        var writer = SSHWriter()
        writer.string(user ?? "")
        switch host {
        case nil:
            writer.string("")
            writer.string("")
        case .any:
            writer.string(anyHost)
            writer.string("")
        case .known(let name, let keys):
            writer.string(name)
            writer.string("")
            for known in keys {
                writer.string(known.key.blob)
                writer.boolean(known.isAuthority)
            }
        }
        return writer.bytes
    }
}

extension SSHDestination: CustomStringConvertible {
    /// As `ssh-add -h` takes it: `[FROM>][USER@]HOST`. Names may hold any text.
    public var description: String {
        func name(_ host: Host) -> String {
            if case .known(let name, _) = host { name } else { SSHDestination.anyHost }
        }
        return (from.map { name($0) + ">" } ?? "") + (user.map { $0 + "@" } ?? "") + name(to)
    }
}
