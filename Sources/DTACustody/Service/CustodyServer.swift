import CustodyProtocol
import DTASystem
import Glibc

/// Serves the front's one connection: one request after the other, until the front closes it.
public struct CustodyServer {
    private let socket: Int32
    private let alarm: Alarm
    private let buffer = CustodyBuffer()
    private var writer = CustodyWriter()

    /// - Parameters: `socket`: a connected, blocking stream socket; `deadlineMilliseconds`: what the front waits for.
    public init(socket: Int32, deadlineMilliseconds: Int) {
        self.socket = socket
        alarm = Alarm(milliseconds: deadlineMilliseconds + Alarm.margin)
    }

    /// Tells the front that this process is ready, and serves it.
    /// - Returns: how the process is to end.
    public mutating func serve(_ custody: Custody) -> CustodyExit {
        do {
            writer.begin(CustodyFrame.ok)
            try writer.send(to: socket)
            while let message = try buffer.receive(from: socket) {
                alarm.arm()
                defer { alarm.disarm() }
                if let exit = try answer(message, custody) { return exit }
            }
            return .finished
        } catch let error as DTAError {
            // What comes after a message that is none cannot be told apart any more.
            return refuse(CustodyStartError(error, .failed))
        } catch {
            return .failed
        }
    }

    /// Answers one request.
    /// - Returns: how to end, where the answer was the last one.
    private mutating func answer(_ message: UnsafeRawBufferPointer, _ custody: Custody) throws -> CustodyExit? {
        defer {
            buffer.wipe()
            writer.wipe()
        }
        do {
            var request = try unsafe CustodyReader(message)
            try custody.answer(&request, &writer)
            try writer.send(to: socket)
        } catch let leaving as CustodyStartError {
            return refuse(leaving)
        } catch let error as SystemCallError {
            throw error
        } catch {
            let refusal = DTAError(error)
            writer.begin(refusal.code.rawValue)
            writer.field(refusal.message)
            writer.field(refusal.hint)
            try writer.send(to: socket)
        }
        return nil
    }

    /// Sends the last answer: why this process ends.
    public mutating func refuse(_ leaving: CustodyStartError) -> CustodyExit {
        writer.begin(leaving.reason.code.rawValue)
        writer.field(leaving.reason.message)
        writer.field(leaving.reason.hint)
        writer.field(leaving.exit.rawValue)
        // Nobody may be there to read it.
        try? writer.send(to: socket)
        return leaving.exit
    }
}
