import DTASystem
import Glibc

/// One blocking connection to one dtad-hsm, one request at a time, each with a deadline.
///
/// A timeout, the end of the stream or a malformed answer breaks it for good: the next answer could belong to the last
/// request. Its owner then closes it, which ends the process at the other side, and opens another.
public final class CustodyConnection: Custodian, @unchecked Sendable {
    // Sendable: several threads must not use it at the same time. The pool that owns it gives it to one thread after
    // the other, and the pool's lock orders their accesses.
    private let socket: Descriptor
    private let deadlineMilliseconds: Int
    private var writer = CustodyWriter()
    private let buffer = CustodyBuffer()

    /// Whether this connection can no longer be used.
    public private(set) var isBroken = false
    /// Why dtad-hsm ended, if it said so in its last answer.
    public private(set) var exit: CustodyExit?
    /// The token that dtad-hsm is logged in to.
    public private(set) var token = TokenIdentity(serial: "", landmark: [])

    /// Takes over a connected stream socket, tells dtad-hsm which token to expect, and waits until it has logged in.
    /// - Parameters: `startMilliseconds`: how long dtad-hsm may take to log in; `deadlineMilliseconds`: how long each
    ///   request may take; `expecting`: the token that the state belongs to; nil: the one that the configuration
    ///   names.
    /// - Throws: `CustodyStartError` if it cannot serve; `DTAError.unavailable` if it says nothing in time.
    public init(
        _ socket: Descriptor, startMilliseconds: Int, deadlineMilliseconds: Int, expecting: TokenIdentity? = nil
    ) throws {
        self.socket = socket
        self.deadlineMilliseconds = deadlineMilliseconds
        do {
            try UnixSocket.setTimeout(socket.number, milliseconds: startMilliseconds)
            let begin = Begin(expecting: expecting)
            writer.begin(Begin.operation.rawValue)
            begin.encode(to: &writer)
            // A dtad-hsm that has ended has said why; otherwise the missing answer says that it is gone.
            try? writer.send(to: socket.number)
            guard let found = try answer(to: begin, within: startMilliseconds) else {
                throw CustodyConnection.otherRelease("version 1 of their protocol")
            }
            token = found
            try UnixSocket.setTimeout(socket.number, milliseconds: deadlineMilliseconds)
        } catch {
            isBroken = true
            if let exit { throw CustodyStartError(DTAError(error), exit) }
            throw error
        }
    }

    /// Why it must not be used: the other side speaks another protocol.
    static func otherRelease(_ what: String) -> CustodyStartError {
        CustodyStartError(
            DTAError(
                .failedPrecondition,
                "dtad-hsm is of another release than dtad: it speaks \(what), dtad version "
                    + "\(CustodyOperation.protocolVersion)",
                hint: "install dtad and dtad-hsm of one release, then restart dtad"), .configuration)
    }

    public func ask<Message: CustodyMessage>(_ message: Message) throws -> Message.Answer {
        guard !isBroken else { throw DTAError(.unavailable, "the connection to the HSM's process is broken") }
        writer.begin(Message.operation.rawValue)
        message.encode(to: &writer)
        // Requests and answers may hold plaintexts and content keys.
        defer { writer.wipe() }
        let extra = message.extraMilliseconds
        do {
            try writer.send(to: socket.number)
            if extra > 0 { try UnixSocket.setTimeout(socket.number, milliseconds: deadlineMilliseconds + extra) }
        } catch let error as SystemCallError {
            throw broken("could not be asked: \(error)")
        }
        defer {
            if extra > 0 { try? UnixSocket.setTimeout(socket.number, milliseconds: deadlineMilliseconds) }
        }
        return try answer(to: message, within: deadlineMilliseconds + extra)
    }

    /// Asks for the version of the protocol that the other side speaks.
    /// - Throws: `CustodyStartError` if it is another one: the connection must not be used then.
    public func requireSameVersion() throws {
        let other: UInt32
        do {
            other = try ask(AskVersion())
        } catch let error as DTAError where error.code == .invalidArgument {
            // The first version had no such request.
            other = 1
        }
        guard other == CustodyOperation.protocolVersion else {
            throw CustodyConnection.otherRelease("version \(other) of their protocol")
        }
    }

    /// Reads all fields of the answer to a request, or throws the error that it holds.
    private func answer<Message: CustodyMessage>(
        to request: Message, within milliseconds: Int
    ) throws -> Message.Answer {
        defer { buffer.wipe() }
        let message: UnsafeRawBufferPointer?
        do {
            unsafe message = try buffer.receive(from: socket.number)
        } catch let error as SystemCallError where error.errno == EAGAIN {
            throw broken("did not answer within \(milliseconds) ms")
        } catch {
            throw broken("did not answer properly: \(error)")
        }
        guard let message = unsafe message else { throw broken("ended") }
        let refusal: DTAError
        do {
            var reader = try unsafe CustodyReader(message)
            if reader.head == CustodyFrame.ok {
                let answer = try request.answer(from: &reader)
                try reader.end()
                return answer
            }
            guard let code = ErrorCode(rawValue: reader.head) else {
                throw DTAError(.invalidArgument, "unknown status \(reader.head)")
            }
            refusal = DTAError(code, try reader.string(), hint: try reader.string())
            if reader.hasMore {
                exit = CustodyExit(rawValue: try reader.byte()) ?? .failed
                isBroken = true
            }
            try reader.end()
        } catch {
            throw broken("answered with something that is no answer: \(DTAError(error).message)")
        }
        throw refusal
    }

    private func broken(_ what: String) -> DTAError {
        isBroken = true
        return DTAError(.unavailable, "the HSM's process \(what)", hint: "try again; a fresh process takes its place")
    }
}
