import Glibc

/// A file descriptor with one owner: closed when the owner goes.
public final class Descriptor: Sendable {
    public let number: Int32

    public init(owning number: Int32) { self.number = number }

    deinit { close(number) }
}

/// Stream sockets in the Unix domain: every call with its errno, no pointer above this file.
public enum UnixSocket {
    /// The longest path: `sun_path` without its zero.
    public static let pathLimit = 107

    /// Why a path cannot be a socket's: the end of a sentence that begins with its name; nil if it can.
    public static func fault(of path: String) -> String? {
        let count = path.utf8.count
        if count > pathLimit { return "has \(count) bytes: the path of a socket has at most \(pathLimit)" }
        return path.utf8.contains(0) ? "has a zero byte in it" : nil
    }

    /// Connects to the socket at `path`.
    /// - Throws: `SystemCallError`: ENOENT and ECONNREFUSED if nothing listens, ENAMETOOLONG past 107 bytes; if
    ///   `nonBlocking`, EAGAIN while the listener's backlog is full.
    public static func connect(to path: String, nonBlocking: Bool = false) throws -> Descriptor {
        let socket = try open(nonBlocking: nonBlocking)
        _ = try withAddress(path) { address, size in
            try systemCall("connect") { unsafe Glibc.connect(socket.number, address, size) }
        }
        return socket
    }

    /// Binds a new socket file at `path` with `mode`, and listens.
    /// - Throws: `SystemCallError`; EADDRINUSE if the file exists, whether or not something listens on it.
    public static func listen(at path: String, mode: mode_t, backlog: Int32 = 512) throws -> Descriptor {
        let socket = try open()
        // bind(2) makes the file with the socket's own mode less the umask, so that it is never more open than `mode`;
        // chmod(2) makes it `mode`. The umask stays: it is the process's, and other threads are making files.
        try systemCall("fchmod") { fchmod(socket.number, mode) }
        _ = try withAddress(path) { address, size in
            try systemCall("bind") { unsafe Glibc.bind(socket.number, address, size) }
        }
        try systemCall("chmod") { chmod(NativeText.path(path), mode) }
        try systemCall("listen") { Glibc.listen(socket.number, backlog) }
        return socket
    }

    /// Two connected sockets.
    public static func pair() throws -> (Descriptor, Descriptor) {
        var ends: [Int32] = [-1, -1]
        try systemCall("socketpair") {
            unsafe socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends)
        }
        return (Descriptor(owning: ends[0]), Descriptor(owning: ends[1]))
    }

    /// The path at which a socket is bound; nil if it has none.
    public static func path(of socket: Int32) -> String? {
        var address = sockaddr_un()
        var size = socklen_t(MemoryLayout<sockaddr_un>.size)
        let result = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe getsockname(socket, $0, &size)
            }
        }
        guard result == 0, address.sun_family == sa_family_t(AF_UNIX) else { return nil }
        let bytes = unsafe withUnsafeBytes(of: &address.sun_path) { unsafe Array($0.prefix { $0 != 0 }) }
        return bytes.isEmpty ? nil : String(validating: bytes, as: UTF8.self)
    }

    private static func open(nonBlocking: Bool = false) throws -> Descriptor {
        let type = SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | (nonBlocking ? SOCK_NONBLOCK.rawValue : 0)
        return Descriptor(owning: try systemCall("socket") { socket(AF_UNIX, Int32(type), 0) })
    }

    private static func withAddress<Result>(
        _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) throws -> Result
    ) throws -> Result {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = NativeText.bytes(path)
        guard !bytes.isEmpty, bytes.count < MemoryLayout.size(ofValue: address.sun_path), !bytes.contains(0) else {
            throw SystemCallError("socket path \"\(path.prefix(120))\"", errno: ENAMETOOLONG)
        }
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
        return try unsafe withUnsafePointer(to: &address) { pointer in
            try unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                try unsafe body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }

    /// Lets reads (and writes) of a blocking socket fail with EAGAIN after `milliseconds`; 0: never.
    public static func setTimeout(_ socket: Int32, milliseconds: Int) throws {
        var time = timeval(tv_sec: milliseconds / 1000, tv_usec: (milliseconds % 1000) * 1000)
        let size = socklen_t(MemoryLayout<timeval>.size)
        try systemCall("setsockopt") { unsafe setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &time, size) }
        try systemCall("setsockopt") { unsafe setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &time, size) }
    }

    /// Writes all of `bytes` to a blocking socket; a closed reader is EPIPE, never a signal.
    public static func sendAll(_ socket: Int32, _ bytes: UnsafeRawBufferPointer) throws {
        var rest = unsafe bytes
        while unsafe !rest.isEmpty {
            let sent = try systemCall("send") { unsafe send(socket, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL)) }
            unsafe rest = UnsafeRawBufferPointer(rebasing: rest[sent...])
        }
    }

    /// Whether the other side of an idle stream socket has not closed it.
    public static func isOpen(_ socket: Int32) -> Bool {
        var byte: UInt8 = 0
        let peeked = unsafe recv(socket, &byte, 1, Int32(MSG_PEEK | MSG_DONTWAIT))
        return peeked > 0 || (peeked < 0 && errno == EAGAIN)
    }

    /// Reads up to `capacity` bytes into `target`; 0 at the end of the stream.
    public static func receive(_ socket: Int32, into target: UnsafeMutableRawPointer, capacity: Int) throws -> Int {
        try systemCall("recv") { unsafe recv(socket, target, capacity, 0) }
    }
}
