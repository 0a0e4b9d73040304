import DTASystem
import Glibc

/// One blocking connection to one dtad-hsm, one request at a time, each with a deadline.
///
/// A timeout, the end of the stream or an answer that is not one breaks it for good: the next answer could belong to the
/// last question. Its owner then closes it, which ends the process at the other side, and opens another.
public final class CustodyConnection: @unchecked Sendable {
    // Sendable: it is not safe for threads at the same time, and need not be: the pool that owns it hands it to one
    // thread after the other, and the pool's lock orders what each has done before what the next one does.
    private let socket: Descriptor
    private let deadlineMilliseconds: Int
    private var writer = CustodyWriter()
    private let buffer = CustodyBuffer()

    /// Whether this connection is of no further use.
    public private(set) var isBroken = false
    /// Why dtad-hsm left, where it said so in its last answer.
    public private(set) var exit: CustodyExit?
    /// The token that dtad-hsm is logged in to.
    public private(set) var token = TokenIdentity(serial: "", landmark: [])

    /// Takes over a connected stream socket, tells dtad-hsm which token to expect, and waits until it has logged in.
    /// - Parameters: `startMilliseconds`: how long dtad-hsm may take to log in; `deadlineMilliseconds`: how long each
    ///   request may take; `expecting`: the token that the state belongs to; nil: whichever the configuration names.
    /// - Throws: `CustodyStartError` where it cannot serve; `DTAError.unavailable` where it says nothing in time.
    public init(
        _ socket: Descriptor, startMilliseconds: Int, deadlineMilliseconds: Int, expecting: TokenIdentity? = nil
    ) throws {
        self.socket = socket
        self.deadlineMilliseconds = deadlineMilliseconds
        do {
            try UnixSocket.setTimeout(socket.number, milliseconds: startMilliseconds)
            writer.begin(CustodyOperation.begin.rawValue)
            writer.field(expecting?.serial ?? "")
            writer.field(expecting?.landmark ?? [])
            // One that has left has said why, or the missing answer says that it is gone.
            try? writer.send(to: socket.number)
            let found: TokenIdentity? = try answer(within: startMilliseconds) {
                // One of before said nothing more.
                guard $0.hasMore else { return nil }
                return TokenIdentity(
                    serial: try $0.string(), landmark: try $0.field(exactly: TokenIdentity.landmarkSize))
            }
            guard let found else { throw CustodyConnection.otherRelease("version 1 of their protocol") }
            token = found
            try UnixSocket.setTimeout(socket.number, milliseconds: deadlineMilliseconds)
        } catch {
            isBroken = true
            if let exit { throw CustodyStartError(DTAError(error), exit) }
            throw error
        }
    }

    /// Why nothing else is to be asked: the other side speaks another protocol.
    static func otherRelease(_ what: String) -> CustodyStartError {
        CustodyStartError(
            DTAError(
                .failedPrecondition,
                "dtad-hsm is of another release than dtad: it speaks \(what), dtad version "
                    + "\(CustodyOperation.protocolVersion)",
                hint: "install dtad and dtad-hsm of one release, then restart dtad"), .configuration)
    }

    /// Sends one request and reads its answer.
    /// - Parameters: `fields` writes the request's fields, `read` takes the answer's; all of them must be taken.
    /// - Throws: what dtad-hsm refused; `DTAError.unavailable` where it did not answer properly in time.
    func call<Result>(
        _ operation: CustodyOperation, _ fields: (inout CustodyWriter) -> Void = { _ in },
        _ read: (inout CustodyReader) throws -> Result
    ) throws -> Result {
        guard !isBroken else { throw DTAError(.unavailable, "the connection to the HSM's process is broken") }
        writer.begin(operation.rawValue)
        fields(&writer)
        // Requests and answers may hold plaintexts and content keys.
        defer { writer.wipe() }
        do {
            try writer.send(to: socket.number)
        } catch let error as SystemCallError {
            throw broken("could not be asked: \(error)")
        }
        return try answer(within: deadlineMilliseconds, read)
    }

    /// Reads one answer with `read`, or throws the error that it is.
    private func answer<Result>(within milliseconds: Int, _ read: (inout CustodyReader) throws -> Result) throws
        -> Result
    {
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
                let result = try read(&reader)
                try reader.end()
                return result
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
