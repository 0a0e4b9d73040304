import DTASystem

/// One condition on a caller, in a grant.
enum Selector: Sendable, Equatable {
    case uid(UInt32)
    case user(String)
    case gid(UInt32)
    /// The group's number is looked up when the configuration is read.
    case group(String, gid: UInt32)
    case path(String)
    /// 64 hexadecimal digits, in lower case.
    case digest(String)
    case unit(String)

    private static let kinds = [
        "unix:uid:N", "unix:user:NAME", "unix:gid:N", "unix:group:NAME", "unix:path:/PATH", "unix:sha256:HEX",
        "systemd:unit:NAME",
    ]

    init(_ text: String) throws {
        let parts = text.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 3 else { throw Selector.unknown(text) }
        let value = parts[2]
        switch (parts[0], parts[1]) {
        case ("unix", "uid"): self = .uid(try Selector.number(value, text))
        case ("unix", "gid"): self = .gid(try Selector.number(value, text))
        case ("unix", "user"): self = .user(try Selector.name(value, text))
        case ("unix", "group"):
            guard let gid = UserDatabase.gid(ofGroup: try Selector.name(value, text)) else {
                throw DTAError(.invalidArgument, "the selector \(quoted(text)) names a group that does not exist")
            }
            self = .group(value, gid: gid)
        case ("unix", "path"):
            guard value.hasPrefix("/"), !value.contains("\0") else {
                throw DTAError(.invalidArgument, "the selector \(quoted(text)) needs an absolute path")
            }
            self = .path(value)
        case ("unix", "sha256"):
            guard value.utf8.count == 64, value.allSatisfy(\.isHexDigit) else {
                throw DTAError(.invalidArgument, "the selector \(quoted(text)) needs 64 hexadecimal digits")
            }
            self = .digest(value.lowercased())
        case ("systemd", "unit"):
            guard value.contains("."), !value.contains("/") else {
                throw DTAError(
                    .invalidArgument, "the selector \(quoted(text)) needs the whole name of a unit, as in app.service")
            }
            self = .unit(value)
        default: throw Selector.unknown(text)
        }
    }

    private static func unknown(_ text: String) -> DTAError {
        DTAError(.invalidArgument, "there is no selector \(quoted(text)): there are \(kinds.joined(separator: ", "))")
    }

    private static func number(_ value: String, _ text: String) throws -> UInt32 {
        // UInt32 also takes a leading plus sign, which is not allowed in a configuration.
        guard let number = UInt32(value), value.first != "+" else {
            throw DTAError(.invalidArgument, "the selector \(quoted(text)) needs a number")
        }
        return number
    }

    private static func name(_ value: String, _ text: String) throws -> String {
        guard !value.isEmpty, !value.contains(where: { $0.isWhitespace || $0 == ":" || $0 == "\0" }) else {
            throw DTAError(.invalidArgument, "the selector \(quoted(text)) needs a name")
        }
        return value
    }

    /// Whether it looks at the program. That only prevents accidents: a program can connect and then run another.
    var looksAtProgram: Bool {
        switch self {
        case .path, .digest: true
        default: false
        }
    }

    var isDigest: Bool { if case .digest = self { true } else { false } }

    func matches(_ caller: Caller) -> Bool {
        switch self {
        case .uid(let uid): caller.uid == uid
        case .user(let name): caller.userName.hasSameBytes(as: name)
        case .gid(let gid), .group(_, let gid): caller.gid == gid || caller.groups.contains(gid)
        case .path(let path): caller.executable?.hasSameBytes(as: path) ?? false
        case .digest(let digest): caller.executableDigest == digest
        case .unit(let unit): caller.unit?.hasSameBytes(as: unit) ?? false
        }
    }

    /// The selector as it was written.
    var text: String {
        switch self {
        case .uid(let uid): "unix:uid:\(uid)"
        case .user(let name): "unix:user:\(name)"
        case .gid(let gid): "unix:gid:\(gid)"
        case .group(let name, _): "unix:group:\(name)"
        case .path(let path): "unix:path:\(path)"
        case .digest(let digest): "unix:sha256:\(digest)"
        case .unit(let unit): "systemd:unit:\(unit)"
        }
    }
}
