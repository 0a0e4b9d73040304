import Glibc

/// The steps of a path, as the kernel follows them: each directory, each link, and the file at the end. A user who may
/// change one of these decides where the path leads.
public struct PathWay {
    /// A directory or a link on the way, or the file at the end.
    public struct Step {
        public let path: String
        /// The uid of its owner.
        public let owner: UInt32
        /// Whether its group or others may write to it. In a directory with the sticky bit they can only add names, and
        /// the owner of each entry is checked in turn.
        public let isOpen: Bool
    }

    public let path: String
    public let steps: [Step]
    /// The file at the end, opened with O_PATH: for calls such as openat(2), wherever the path leads later.
    public let end: Descriptor

    /// O_PATH, which Glibc's module does not have.
    private static let asPath: Int32 = 0o10_000_000
    /// As many as Linux follows.
    private static let linkLimit = 40

    /// - Throws: `SystemCallError` if there is no such file.
    public init(to path: String) throws {
        var place = Descriptor(
            owning: try systemCall("open(/)") { open("/", PathWay.asPath | O_DIRECTORY | O_CLOEXEC) })
        let root = place
        var shown = ""
        var steps = [Step("/", try PathWay.status(of: place))]
        var rest = PathWay.names(in: try PathWay.absolute(path))
        var links = 0
        while let name = rest.popLast() {
            let here = place
            let next = Descriptor(
                owning: try systemCall("open(\(path))") {
                    openat(here.number, name, PathWay.asPath | O_NOFOLLOW | O_CLOEXEC)
                })
            let status = try PathWay.status(of: next)
            steps.append(Step("\(shown)/\(name)", status))
            guard status.st_mode & S_IFMT == S_IFLNK else {
                place = next
                shown += "/\(name)"
                continue
            }
            links += 1
            guard links <= PathWay.linkLimit else { throw SystemCallError("open(\(path))", errno: ELOOP) }
            let target = try PathWay.target(of: next)
            rest += PathWay.names(in: target)
            if target.hasPrefix("/") { (place, shown) = (root, "") }
        }
        self.path = path
        self.steps = steps
        end = place
    }

    /// Whether this user owns all of it.
    public func isOwned(by owner: UInt32) -> Bool { steps.allSatisfy { $0.owner == owner } }

    /// - Parameters: `owner`: the user who may change it beside root; nil: none. `what`: the name of the file; `hint`:
    ///   what helps if a step is another user's.
    /// - Throws: `DTAError.failedPrecondition` that names the first step that another user could change.
    public func require(owner: UInt32?, _ what: String, hint: String) throws {
        for step in steps {
            guard step.owner == 0 || step.owner == owner else {
                throw DTAError(
                    .failedPrecondition,
                    "root does not act on \(what) \(path): \(step.path) belongs to "
                        + "\(UserDatabase.caller(uid: step.owner).display), who could change it", hint: hint)
            }
            guard !step.isOpen else {
                throw DTAError(
                    .failedPrecondition,
                    "root does not act on \(what) \(path): others than its owner may write \(step.path)",
                    hint: "chmod go-w \(step.path)")
            }
        }
    }

    // MARK: Steps

    /// From the last to the first.
    private static func names(in path: String) -> [String] {
        path.split(separator: "/").map(String.init).filter { $0 != "." }.reversed()
    }

    private static func absolute(_ path: String) throws -> String {
        if path.hasPrefix("/") { return path }
        guard let here = getcwd(nil, 0) else { throw SystemCallError("getcwd", errno: errno) }
        defer { free(here) }
        return String(cString: here) + "/" + path
    }

    private static func status(of file: Descriptor) throws -> stat {
        var status = stat()
        try systemCall("fstat") { fstat(file.number, &status) }
        return status
    }

    private static func target(of link: Descriptor) throws -> String {
        String(decoding: try linkTarget("", in: link.number), as: UTF8.self)
    }
}

extension PathWay.Step {
    fileprivate init(_ path: String, _ status: stat) {
        self.path = path
        owner = status.st_uid
        let isShared = status.st_mode & (S_IWGRP | S_IWOTH) != 0
        switch status.st_mode & S_IFMT {
        // A link's own mode has no meaning.
        case S_IFLNK: isOpen = false
        case S_IFDIR: isOpen = isShared && status.st_mode & S_ISVTX == 0
        default: isOpen = isShared
        }
    }
}
