import CLinux
import DTASystem
import Glibc

/// One request and its answer, over a socket to a plugin, until the plugin closes its end or its time is over.
struct PluginExchange {
    private static let errorsKept = 4096

    private let channel: Int32
    private let child: PluginChild?
    private let limits: PluginLimits
    private let deadline: UInt64

    private var unsent: ArraySlice<UInt8>
    private var answer: [UInt8] = []
    private var buffer = [UInt8](repeating: 0, count: 16 << 10)
    private var errors: [UInt8] = []
    private var errorCount = 0
    private var hasClosed = false
    private var errorsClosed = false
    private var hasEnded = false

    /// - Parameters: `child`: the process at the other end; nil if the service manager runs the plugin; `complaints`:
    ///   gets the end of its words on standard error, also after a success.
    /// - Returns: the plugin's line, without its newline.
    /// - Throws: `PluginFailure`. The child has ended in any case.
    static func run(
        _ request: [UInt8], on channel: Descriptor, child: PluginChild?, limits: PluginLimits, deadline: UInt64,
        complaints: ([UInt8]) -> Void
    ) throws -> [UInt8] {
        defer { child?.end() }
        var exchange = PluginExchange(request, channel, child, limits, deadline)
        defer { if !exchange.errors.isEmpty { complaints(exchange.errors) } }
        while !exchange.isOver { try exchange.step() }
        try exchange.receiveLastErrors()
        if let child { try check(child.end()) }
        return try exchange.line()
    }

    private init(
        _ request: [UInt8], _ channel: Descriptor, _ child: PluginChild?, _ limits: PluginLimits, _ deadline: UInt64
    ) {
        unsent = request[...]
        self.channel = channel.number
        self.child = child
        self.limits = limits
        self.deadline = deadline
        errorsClosed = child == nil
        hasEnded = child == nil
        if request.isEmpty { shutdown(self.channel, Int32(SHUT_WR)) }
    }

    private var isOver: Bool { hasClosed && hasEnded }

    private static func check(_ status: Int32) throws {
        let signal = status & 0x7f
        if signal != 0 { throw PluginFailure.signalled(signal) }
        let code = status >> 8 & 0xff
        if code != 0 { throw PluginFailure.ended(status: code) }
    }

    private func line() throws -> [UInt8] {
        guard !answer.isEmpty else { throw PluginFailure.silent }
        guard answer.last == UInt8(ascii: "\n") else {
            throw PluginFailure.lies("its answer does not end with a newline")
        }
        return answer.dropLast()
    }

    private mutating func step() throws {
        let now = monotonicNanoseconds()
        guard now < deadline else { throw PluginFailure.slow(milliseconds: limits.milliseconds) }
        let events = Int16(hasClosed ? 0 : POLLIN) | Int16(unsent.isEmpty ? 0 : POLLOUT)
        var polled = [
            pollfd(fd: hasClosed ? -1 : channel, events: events, revents: 0),
            pollfd(fd: errorsClosed ? -1 : child?.errors.number ?? -1, events: Int16(POLLIN), revents: 0),
            pollfd(fd: hasEnded ? -1 : child?.handle.number ?? -1, events: Int16(POLLIN), revents: 0),
        ]
        let milliseconds = Int32(clamping: (deadline - now) / 1_000_000 + 1)
        try systemCall("poll") { unsafe poll(&polled, 3, milliseconds) }
        if polled[0].revents & Int16(POLLOUT) != 0 { try send() }
        if polled[0].revents & ~Int16(POLLOUT) != 0 { try receive() }
        if polled[1].revents != 0 { try receiveErrors() }
        // Processes that it left running hold its output open: they end with it, and its earlier output still counts.
        if polled[2].revents != 0 {
            hasEnded = true
            child?.end()
        }
    }

    private mutating func send() throws {
        do {
            let count = try systemCall("send") {
                unsafe unsent.withUnsafeBytes { bytes in
                    unsafe Glibc.send(
                        channel, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
                }
            }
            unsent = unsent.dropFirst(count)
        } catch let error as SystemCallError where error.errno == EAGAIN {
            return
        } catch let error as SystemCallError where error.errno == EPIPE || error.errno == ECONNRESET {
            // It does not read all of the request. Its answer counts.
            unsent = []
        }
        if unsent.isEmpty { shutdown(channel, Int32(SHUT_WR)) }
    }

    private mutating func receive() throws {
        let bytes: ArraySlice<UInt8>
        do {
            bytes = try read(channel, isSocket: true)
        } catch let error as SystemCallError where error.errno == EAGAIN {
            return
        } catch let error as SystemCallError where error.errno == ECONNRESET {
            bytes = []
        }
        if bytes.isEmpty {
            hasClosed = true
            return
        }
        guard answer.count + bytes.count <= limits.outputBytes else {
            throw PluginFailure.floods(bytes: limits.outputBytes)
        }
        // Bytes are searched only once: a flood of small pieces costs no more than its bytes.
        let isWhole = answer.last == UInt8(ascii: "\n")
        let end = bytes.firstIndex(of: UInt8(ascii: "\n"))
        guard !isWhole, end == nil || end == bytes.endIndex - 1 else {
            throw PluginFailure.lies("it says more than one line: what is for people goes to standard error")
        }
        answer += bytes
    }

    private mutating func receiveErrors() throws {
        guard let number = child?.errors.number else { return }
        let bytes = try read(number, isSocket: false)
        if bytes.isEmpty {
            errorsClosed = true
            return
        }
        errors = (errors + bytes).suffix(PluginExchange.errorsKept)
        errorCount += bytes.count
        guard errorCount <= PluginLimits.errorBytes else {
            throw PluginFailure.chatters(bytes: PluginLimits.errorBytes)
        }
    }

    /// The output from just before the end: no process is left that could write more.
    private mutating func receiveLastErrors() throws {
        guard let number = child?.errors.number else { return }
        while !errorsClosed {
            var polled = pollfd(fd: number, events: Int16(POLLIN), revents: 0)
            guard unsafe poll(&polled, 1, 0) > 0 else { return }
            try receiveErrors()
        }
    }

    private mutating func read(_ number: Int32, isSocket: Bool) throws -> ArraySlice<UInt8> {
        let count = try systemCall("read") {
            unsafe buffer.withUnsafeMutableBytes { bytes in
                unsafe isSocket
                    ? recv(number, bytes.baseAddress, bytes.count, Int32(MSG_DONTWAIT))
                    : Glibc.read(number, bytes.baseAddress, bytes.count)
            }
        }
        return buffer.prefix(count)
    }
}
