import AgentProtocol
import CLinux
import DTASystem
import Glibc
import Logging

/// How a connection is made. A worker accepts it, gives it a place and asks the kernel about it, which takes no time.
/// Slow lookups happen in lanes: the user's name, which may be in a directory service, and the digest of a program.
/// Only the newcomer waits for them: nothing is read from it before, and its caller stays the same for its life.
extension Server {
    func accept(_ index: Int, id: UInt64) {
        let (listener, dialect) = (listeners[index].socket.number, listeners[index].dialect)
        let number = clinux_accept(listener)
        let failure = number < 0 ? errno : 0
        if failure == EMFILE || failure == ENFILE || failure == ENOMEM || failure == ENOBUFS {
            notices.noDescriptor.note(errorText(failure))
            // Otherwise it would be reported again at once, for ever. `tick` goes on.
            if failure != EMFILE || !turnAwayOne(listener, dialect) {
                restingListeners.withLock { _ = $0.insert(index) }
                return
            }
        }
        if number >= 0 { receive(Descriptor(owning: number), dialect) }
        if !state.withLock({ $0.draining }) { poller.rearm(listener, id: id, events: Poller.readable) }
    }

    /// Goes on with listeners that could not accept. To be called several times a second.
    func wakeListeners() {
        let resting = restingListeners.withLock { resting -> Set<Int> in
            defer { resting = [] }
            return resting
        }
        guard !state.withLock({ $0.draining }) else { return }
        for index in resting {
            poller.rearm(
                listeners[index].socket.number, id: Server.firstListener + UInt64(index), events: Poller.readable)
        }
    }

    private func receive(_ socket: Descriptor, _ dialect: Dialect) {
        do {
            let credentials = try Peer.credentials(of: socket.number)
            let place = registry.takePlace(payer: sources.payer(credentials.uid))
            guard case .taken(let account, let leaving) = place else {
                refuse(socket, dialect, uid: credentials.uid, place)
                return
            }
            if let leaving {
                notices.gaveWay.note(leaving.caller.display)
                forgetConnection(leaving)
            }
            do {
                let found = try Peer.find(socket.number, credentials, withProgram: sources.hashesPrograms())
                introduce(
                    Newcomer(
                        id: registry.nextID(), account: account, dialect: dialect, socket: socket, found: found),
                    found.caller.uid)
            } catch {
                registry.leave(account)
                throw error
            }
        } catch {
            logger.error("a client without credentials was turned away: \(error)")
        }
    }

    // MARK: Finding out

    private func introduce(_ newcomer: Newcomer, _ uid: UInt32) {
        if let name = names.remembered(uid) { return named(newcomer, name, isWaiting: false) }
        registry.wait(newcomer)
        let lane = lanes[names.isLocal(uid) ? .localNames : .names]
        // As many may wait as the user may have connections: those that were given up meanwhile count too.
        let accepted = lane.submit(user: newcomer.account.uid, atMost: limits.connectionsPerUser) { [self] in
            if newcomer.found != nil { named(newcomer, names.find(uid), isWaiting: true) }
        }
        if !accepted { dismiss(newcomer, Server.unknown) }
    }

    private func named(_ newcomer: Newcomer, _ name: String, isWaiting: Bool) {
        guard let found = newcomer.learn({ $0.userName = name }) else { return }
        guard found.program != nil, sources.needsDigest(found.caller) else { return welcome(newcomer) }
        if !isWaiting { registry.wait(newcomer) }
        let accepted = lanes[.digests].submit(user: newcomer.account.uid, atMost: limits.connectionsPerUser) { [self] in
            guard let found = newcomer.found, let program = found.program, let process = found.process else { return }
            let digest = sources.digest(program)
            // The kernel keeps a program from being written only as long as it runs.
            if Peer.isAlive(process.number) { _ = newcomer.learn { $0.executableDigest = digest } }
            welcome(newcomer)
        }
        if !accepted { dismiss(newcomer, Server.unknown) }
    }

    private func welcome(_ newcomer: Newcomer) {
        // It may have been given up meanwhile.
        guard let (socket, caller) = newcomer.decide() else { return }
        let connection = registry.enter(newcomer, socket, caller)
        do {
            try poller.add(socket.number, id: connection.id, events: Poller.readable)
        } catch {
            logger.error("a connection cannot be watched: \(error)")
            forgetConnection(connection)
        }
    }

    /// Gives up on newcomers whose lookups take too long. To be called several times a second.
    func dismissLateNewcomers(_ now: UInt64) {
        for newcomer in registry.newcomers where now > newcomer.since + limits.introductionNanoseconds {
            notices.unknownCaller.note("")
            dismiss(newcomer, Server.unknown)
        }
    }

    private static let unknown = DTAError(
        .unavailable, "the agent could not find out in time who connects",
        hint: "the user database, or the file of the program, does not answer")

    func dismiss(_ newcomer: Newcomer, _ reason: DTAError) {
        guard let (socket, _) = newcomer.decide() else { return }
        say(reason, newcomer.dialect, to: socket)
        shutdown(socket.number, Int32(SHUT_RDWR))
        registry.leave(newcomer)
        // It is not closed earlier, because another connection could then have its number.
        withExtendedLifetime(socket) {}
    }

    // MARK: Refusing

    private func refuse(_ socket: Descriptor, _ dialect: Dialect, uid: UInt32, _ place: Registry.Place) {
        let payer = sources.payer(uid)
        let name = names.remembered(uid) ?? ""
        let user = Caller(pid: 0, uid: uid, gid: .max, userName: name).display
        let who = payer == uid ? user : "\(user), which counts with uid \(payer),"
        if case .tooManyInAll = place {
            notices.full.note(who)
            say(Server.full(limits), dialect, to: socket)
        } else {
            say(
                DTAError(
                    .resourceExhausted, "\(who) has \(limits.connectionsPerUser) connections, as many as a user may",
                    hint: "close some; an administrator can raise limits.connections_per_user in dtad.yaml"),
                dialect, to: socket)
        }
    }

    private static func full(_ limits: ServerLimits) -> DTAError {
        DTAError(
            .resourceExhausted, "the agent has as many connections as it may have, which are \(limits.connections)",
            hint: "close some, or try again later; limits.connections and LimitNOFILE= are what bounds them")
    }

    /// A last answer before the connection ends, as far as the socket takes it.
    private func say(_ reason: DTAError, _ dialect: Dialect, to socket: Descriptor) {
        let frame: [UInt8]
        switch dialect {
        case .agent: frame = (try? AgentFrame.encode(AgentResponse(id: 0, error: reason))) ?? []
        case .frames(let dialect): frame = dialect.refusal(because: reason)
        }
        frame.withUnsafeBytes {
            _ = Glibc.send(socket.number, $0.baseAddress, $0.count, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL))
        }
    }

    /// If no descriptor is left: answers the first waiting client with the one that is kept for this, so that the
    /// client does not wait in vain.
    /// - Returns: false if that failed too.
    private func turnAwayOne(_ listener: Int32, _ dialect: Dialect) -> Bool {
        spare.withLock { spare in
            spare = nil
            defer { spare = try? eventDescriptor() }
            let number = clinux_accept(listener)
            guard number >= 0 else { return false }
            say(Server.full(limits), dialect, to: Descriptor(owning: number))
            return true
        }
    }
}
