import AgentProtocol
import CustodyProtocol
import DTABytes
import DTASystem

/// The way of a request through the server: taken from a connection, started, answered.
extension Server {
    /// Takes one frame off a connection. The next one has to wait for its user's next turn.
    func attend(_ connection: Connection, _ events: UInt32, _ worker: WorkerMemory) {
        if events & Poller.hangup != 0 { connection.giveUpWaits(.clientGone) }
        if events & Poller.writable != 0, !connection.flush() { return forgetConnection(connection) }
        guard connection.beginReading() else { return }
        switch connection.takeFrame(scratch: worker.scratch) {
        case .nothing: break
        case .closed: return forgetConnection(connection)
        case .broken(let reason):
            let last =
                connection.conversation?.breakOff(because: reason, isCutShort: false)
                ?? Outcome(AgentResponse(id: 0, error: reason))
            if var frame = last.frame ?? (try? AgentFrame.encode(last.response)) {
                _ = connection.send(OutgoingFrame(taking: &frame), completes: false)
            }
        case .frame(let request, let bytes):
            if begin(request, bytes, connection, worker) { return }
        case .foreign(let frame, let conversation, let bytes):
            if begin(frame, conversation, bytes, connection, worker) { return }
        }
        if !connection.endReading() { forgetConnection(connection) }
    }

    /// Starts a request.
    /// - Parameter bytes: the size of its frame.
    /// - Returns: whether it could have occupied the worker: then the input was given back before.
    private func begin(
        _ request: AgentRequest, _ bytes: Int, _ connection: Connection, _ worker: WorkerMemory
    ) -> Bool {
        let exchange = Exchange(
            id: request.id, bytes: bytes, connection: connection, isSecret: handler.answersSecret(request.operation))
        return begin(
            exchange, worker, turnAway: { handler.turnAway(request, from: connection.caller, because: $0) },
            prepare: { handler.prepare(request, from: connection.caller) })
    }

    /// The same with a request of another protocol.
    private func begin(
        _ frame: SecretReference, _ conversation: any FrameConversation, _ bytes: Int, _ connection: Connection,
        _ worker: WorkerMemory
    ) -> Bool {
        let exchange = Exchange(id: 0, bytes: bytes, connection: connection, isSecret: false)
        return begin(
            exchange, worker, turnAway: { conversation.turnAway(frame, because: $0) },
            prepare: { conversation.prepare(frame) })
    }

    @inline(__always)
    private func begin(
        _ exchange: Exchange, _ worker: WorkerMemory, turnAway: (DTAError) -> Outcome, prepare: () -> Step
    ) -> Bool {
        let connection = exchange.connection
        if let obstacle = connection.account.beginRequest(bytes: exchange.bytes, limits: limits) {
            pace.charge(connection.account, Pace.refusalPrice)
            send(turnAway(tooMany(connection.caller, obstacle)), to: connection)
            return false
        }
        if state.withLock({ $0.draining }) {
            respond(turnAway(Server.stopping), to: exchange)
            return false
        }
        let step = prepare()
        guard case .custody(let work) = step else {
            pace.charge(connection.account, 1)
            proceed(step, exchange)
            return false
        }
        if !connection.endReading() { forgetConnection(connection) }
        pool.run(job(work, exchange), habit: worker.habit)
        return true
    }

    /// Goes on with a request on a thread that must not wait for the HSM.
    private func proceed(_ step: Step, _ exchange: Exchange) {
        let user = exchange.connection.account.uid
        switch step {
        case .answer(let outcome): respond(outcome, to: exchange)
        case .custody(let work): pool.park(job(work, exchange))
        case .slow(let lane, let work):
            let accepted = lanes[lane.name].submit(user: user) { [self] in carryOut(work, lane, exchange) }
            if !accepted { proceed(work(.failure(Server.stopping)), exchange) }
        case .lane(let name, let work):
            let accepted = lanes[name].submit(user: user) { [self] in proceed(work(), exchange, in: name) }
            if !accepted { proceed(work(), exchange) }
        case .consulting(let program, let work):
            // So a program that hangs holds few of the requests that its user, such as a gateway, may have in flight.
            let accepted = lanes.lane(ofProgram: program).submit(user: user, atMost: lanes.callsPerProgram) { [self] in
                proceed(work(.success(())), exchange)
            }
            if !accepted { proceed(work(.failure(noTurn(program, exchange.connection.caller))), exchange) }
        case .waiting(let wait):
            let connection = exchange.connection
            connection.hold(wait)
            wait.begin { [self] step in
                connection.release(wait)
                proceed(step, exchange)
            }
            // It may have been closed before the wait was known to it.
            if connection.isClosed { connection.giveUpWaits(.clientGone) }
        }
    }

    /// Goes on with a request on a thread of a lane.
    private func proceed(_ step: Step, _ exchange: Exchange, in lane: LaneName) {
        switch (lane, step) {
        // If a process is idle, no worker has to wake for it.
        case (.opening, .custody(let work)): pool.runOnce(job(work, exchange))
        // It may wait here as well as in the slow lane, so it is not passed to another thread.
        case (.bulk, .slow(.slow, let work)): carryOut(work, .slow, exchange)
        default: proceed(step, exchange)
        }
    }

    private func noTurn(_ program: String, _ caller: Caller) -> DTAError {
        if state.withLock({ $0.draining }) { return Server.stopping }
        return DTAError(
            .resourceExhausted,
            "\(lanes.callsPerProgram) requests of \(caller.display) wait for the plugin \(program) already",
            hint: "try again; plugins.calls is their number")
    }

    /// Waits for the HSM process of a slow lane.
    private func carryOut(_ work: @Sendable (CustodyAccess) -> Step, _ lane: SlowLane, _ exchange: Exchange) {
        proceed(custody.withProcess(of: lane) { work($0) }, exchange)
    }

    private func job(_ work: @escaping @Sendable (CustodyAccess) -> Completion, _ exchange: Exchange) -> CustodyJob {
        CustodyJob(user: exchange.connection.account.uid) { [self] access in
            let completion = work(access)
            return { [self] in respond(completion(), to: exchange) }
        }
    }

    /// A request between its arrival and its answer.
    private struct Exchange {
        let id: UInt64
        let bytes: Int
        let connection: Connection
        /// Its answer is wiped when it is sent.
        let isSecret: Bool
    }

    static let stopping = DTAError(.unavailable, "the agent is stopping")

    private func tooMany(_ caller: Caller, _ obstacle: UserAccount.Obstacle) -> DTAError {
        guard obstacle == .ownRequests else {
            return DTAError(
                .resourceExhausted,
                "\(caller.display) has as much in flight as there is room for: all users share "
                    + "\(limits.bufferedBytes >> 20) MiB",
                hint: "wait for answers before asking more; limits.buffered_bytes is what is shared")
        }
        return DTAError(
            .resourceExhausted,
            "\(caller.display) has as much in flight as a user may: \(limits.requestsPerUser) requests, or "
                + "\(limits.requestBytesPerUser >> 20) MiB in them", hint: "wait for answers before asking more")
    }

    private func respond(_ outcome: Outcome, to exchange: Exchange) {
        exchange.connection.account.endRequest(bytes: exchange.bytes)
        let price = outcome.response.code == .ok ? Pace.price(ofRecord: outcome.recordedBytes) : Pace.refusalPrice
        if price > 0 { pace.charge(exchange.connection.account, price) }
        send(outcome, to: exchange.connection, isSecret: exchange.isSecret)
    }

    private func send(_ outcome: Outcome, to connection: Connection, isSecret: Bool = false) {
        let response = outcome.response
        var frame: [UInt8]
        do {
            frame = try outcome.frame ?? AgentFrame.encode(response)
        } catch {
            // Only an answer that is too large: the client can ask for smaller pieces.
            let reason = DTAError(.resourceExhausted, "the answer is too large for a frame", hint: "ask for fewer")
            guard var short = try? AgentFrame.encode(AgentResponse(id: response.id, error: reason)) else { return }
            if !connection.send(OutgoingFrame(taking: &short)) { forgetConnection(connection) }
            return
        }
        let outgoing = OutgoingFrame(taking: &frame, isSecret: isSecret)
        if !connection.send(outgoing) { forgetConnection(connection) }
    }
}
