import AgentProtocol
import CustodyProtocol
import DTASystem
import Foundation
import Glibc
import Logging
import TestSupport

@testable import AgentServer

/// Status is answered at once, random needs the HSM, mac goes to the slow lane, ledger.put to the durable one;
/// envelope.open looks something up and then does as random, and so does envelope.thread in the opening lanes, but with
/// count 0 it is answered there; ledger.get asks another program and then does as envelope.open; ledger.list asks the program `stuck` with count 0, else
/// `quick`; sign does as random, and its record is as long as 100 others; anything else is refused.
private struct ScriptedHandler: RequestHandler {
    let programs: StuckProgram

    func prepare(_ request: AgentRequest, from caller: Caller) -> Step {
        let id = request.id
        let count = Int(request.count)
        switch request.operation {
        case .status:
            var response = AgentResponse()
            response.id = id
            response.data = Data(repeating: 1, count: count)
            return .answer(Outcome(response))
        case .random:
            return .custody { access in
                let response = random(id, count, access)
                return { Outcome(response) }
            }
        case .sign:
            return .custody { access in
                let response = random(id, count, access)
                return { Outcome(response, recordedBytes: 51_200) }
            }
        case .mac: return .slow(.slow) { access in .answer(Outcome(random(id, count, access))) }
        case .keyCreate: return .slow(.making) { access in .answer(Outcome(random(id, count, access))) }
        case .ledgerPut:
            return .lane(.durable) {
                var response = AgentResponse()
                response.id = id
                return .answer(Outcome(response))
            }
        case .envelopeOpen:
            return .lane(.reading) {
                .custody { access in
                    let response = random(id, count, access)
                    return { Outcome(response) }
                }
            }
        case .envelopeThread:
            return .lane(.opening) {
                var response = AgentResponse()
                response.id = id
                if count == 0 { return .answer(Outcome(response)) }
                return .custody { access in
                    let response = random(id, count, access)
                    return { Outcome(response) }
                }
            }
        case .ledgerGet:
            var next = request
            next.operation = .envelopeOpen
            let prepared = prepare(next, from: caller)
            return .lane(.asking) { prepared }
        case .ledgerList:
            return .consulting(count == 0 ? "stuck" : "quick") { [programs] turn in
                if case .failure(let reason) = turn { return .answer(Outcome(AgentResponse(id: id, error: reason))) }
                if count == 0 { programs.ask() }
                var response = AgentResponse()
                response.id = id
                return .answer(Outcome(response))
            }
        default: return .answer(Outcome(AgentResponse(id: id, error: DTAError(.invalidArgument, "no such operation"))))
        }
    }

    func answersSecret(_ operation: AgentOperation) -> Bool { operation == .random }

    func turnAway(_ request: AgentRequest, from caller: Caller, because reason: DTAError) -> Outcome {
        Outcome(AgentResponse(id: request.id, error: reason))
    }

    private func random(_ id: UInt64, _ count: Int, _ access: CustodyAccess) -> AgentResponse {
        do {
            var response = AgentResponse()
            response.id = id
            response.data = Data(try access.get().ask(DrawRandom(count: count)))
            return response
        } catch {
            return AgentResponse(id: id, error: DTAError(error))
        }
    }
}

/// A program that does not answer until it is released.
final class StuckProgram: Sendable {
    private let state = Monitor((asked: 0, released: false))

    var asked: Int { state.withLock { $0.asked } }

    func ask() {
        state.withLockSignalling { $0.asked += 1 }
        _ = state.wait { $0.released ? true : nil }
    }

    func release() { for _ in 0..<64 { state.withLockSignalling { $0.released = true } } }
}

/// A server on a real socket, with scripted HSM processes.
final class TestServer {
    let script = Script()
    let stuck = StuckProgram()
    let server: Server
    let custody: CustodyPools
    let registry: Registry
    private let directory: TemporaryDirectory
    private let ticking = Locked(true)
    var path: String { directory.file("s") }

    init(
        limits: ServerLimits = ServerLimits(), processes: Int = 2, deadlineMilliseconds: Int = 30_000,
        sources: CallerSources = CallerSources()
    ) throws {
        directory = try TemporaryDirectory()
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let listener = try UnixSocket.listen(at: directory.file("s"), mode: 0o600)
        custody = try CustodyPools(
            processes: processes, deadline: UInt64(deadlineMilliseconds) * 1_000_000, logger: logger)
        registry = try Registry(limits: limits)
        server = try Server(
            listeners: [Listener(listener)], handler: ScriptedHandler(programs: stuck), custody: custody,
            lanes: Lanes(custody, programs: ["stuck", "quick"], callsPerProgram: 3), registry: registry,
            logger: logger, sources: sources)
        try custody.start(patience: 60_000_000_000, launch: script.launcher, allowsOneSession: { false })
        try server.serve()
        AgentServer.Thread.start("ticks") { [server, ticking] in
            while ticking.withLock({ $0 }) {
                server.tick()
                usleep(20_000)  // pause: between two ticks
            }
        }
    }

    deinit {
        ticking.withLock { $0 = false }
        script.release()
        stuck.release()
        _ = server.drain(deadline: monotonicNanoseconds() + 5_000_000_000)
    }

    func connect() throws -> RawClient { try RawClient(path) }

    /// Lets other users connect. Only root has tests with several.
    func openToAll() {
        chmod(directory.path, 0o711)
        chmod(path, 0o666)
    }
}

/// A client that can misbehave.
final class RawClient {
    let socket: Descriptor

    init(_ path: String) throws {
        socket = try UnixSocket.connect(to: path)
        try UnixSocket.setTimeout(socket.number, milliseconds: 30_000)
    }

    func send(_ bytes: [UInt8]) throws {
        try bytes.withUnsafeBytes { try UnixSocket.sendAll(socket.number, $0) }
    }

    func send(_ operation: AgentOperation, id: UInt64, count: UInt32 = 0) throws {
        try send(try RawClient.frame(operation, id: id, count: count))
    }

    static func frame(_ operation: AgentOperation, id: UInt64, count: UInt32 = 0) throws -> [UInt8] {
        var request = AgentRequest()
        request.id = id
        request.version = 1
        request.operation = operation
        request.count = count
        return try AgentFrame.encode(request)
    }

    /// The next answer; nil at the end of the stream.
    func receive() throws -> AgentResponse? {
        guard let header = try exactly(4) else { return nil }
        guard let body = try exactly(try AgentFrame.bodySize(header: header)) else { return nil }
        return try AgentResponse(serializedBytes: body)
    }

    private func exactly(_ count: Int) throws -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        var have = 0
        while have < count {
            let got = try bytes.withUnsafeMutableBytes {
                try UnixSocket.receive(socket.number, into: $0.baseAddress! + have, capacity: count - have)
            }
            if got == 0 { return nil }
            have += got
        }
        return bytes
    }
}
