import CustodyProtocol
import DTASystem
import Glibc

/// Serves the front's one connection: one request after the other, until the front closes it.
public struct CustodyServer: ~Copyable {
    private let socket: Int32
    private let buffer = CustodyBuffer()
    private var writer = CustodyWriter()

    /// How the front begins.
    public enum Opening {
        /// It closes at once.
        case end
        /// It says which token it expects.
        case begin(Begin)
    }

    /// - Parameter socket: a connected, blocking stream socket.
    public init(socket: Int32) { self.socket = socket }

    /// How long the front may take for its first request, which it sends with the connection.
    private static let openingMilliseconds = 10_000

    /// Waits for the front's first request.
    /// - Throws: `CustodyStartError` if it is none.
    public mutating func open() throws -> Opening {
        do {
            try UnixSocket.setTimeout(socket, milliseconds: Self.openingMilliseconds)
            defer { try? UnixSocket.setTimeout(socket, milliseconds: 0) }
            guard let message = try buffer.receive(from: socket) else { return .end }
            var request = try unsafe CustodyReader(message)
            guard request.head == Begin.operation.rawValue else {
                throw DTAError(
                    .invalidArgument, "a connection must begin with operation \(Begin.operation.rawValue)")
            }
            let begin = try Begin(from: &request)
            try request.end()
            return .begin(begin)
        } catch let error as SystemCallError where error.errno == EAGAIN {
            throw CustodyStartError(
                DTAError(
                    .failedPrecondition, "dtad said nothing: it is of an older release than dtad-hsm, and waits for it",
                    hint: "restart dtad"), .configuration)
        } catch let error as DTAError {
            // After a malformed message the stream cannot be read further.
            throw CustodyStartError(error, .failed)
        }
    }

    /// Tells the front which token this process is logged in to, and serves it.
    /// - Parameters: `begin`: its first request; `deadlineMilliseconds`: how long it waits for an answer.
    /// - Returns: how the process is to end.
    public mutating func serve(_ custody: Custody, _ begin: Begin, deadlineMilliseconds: Int) -> CustodyExit {
        let alarm = Alarm(milliseconds: deadlineMilliseconds + Alarm.margin)
        custody.isAwaited = { [socket] in UnixSocket.isOpen(socket) }
        do {
            writer.begin(CustodyFrame.ok)
            begin.encode(custody.identity, to: &writer)
            try writer.send(to: socket)
            while let message = try buffer.receive(from: socket) {
                if let exit = try answer(message, custody, alarm) { return exit }
            }
            return .finished
        } catch let error as DTAError {
            // After a malformed message the stream cannot be read further.
            refuse(CustodyStartError(error, .failed))
            return .failed
        } catch {
            return .failed
        }
    }

    /// Answers one request. Only the answer is left to wipe when it is sent: that wakes the front, which would interrupt
    /// this process on the same processor.
    /// - Returns: how to end, if the answer was the last one.
    private mutating func answer(
        _ message: UnsafeRawBufferPointer, _ custody: Custody, _ alarm: Alarm
    ) throws -> CustodyExit? {
        defer { writer.wipe() }
        do {
            alarm.arm()
            defer {
                buffer.wipe()
                alarm.disarm()
            }
            var request = try unsafe CustodyReader(message)
            try custody.answer(&request, &writer)
        } catch let leaving as CustodyStartError {
            refuse(leaving)
            return leaving.exit
        } catch {
            write(DTAError(error))
        }
        do {
            try writer.send(to: socket)
        } catch let tooLarge as DTAError {
            write(tooLarge)
            try writer.send(to: socket)
        }
        return nil
    }

    private mutating func write(_ refusal: DTAError) {
        writer.begin(refusal.code.rawValue)
        writer.field(refusal.message)
        writer.field(refusal.hint)
    }

    /// Sends the last answer: why this process ends.
    /// - Returns: whether the front got the reason; it then tells its clients.
    @discardableResult
    public mutating func refuse(_ leaving: CustodyStartError) -> Bool {
        write(leaving.reason)
        writer.field(leaving.exit.rawValue)
        do { try writer.send(to: socket) } catch { return false }
        return true
    }
}
