import CustodyProtocol
import DTABytes
import DTASSH
import DTASystem

/// Questions to users, and the programs that listen for them and ask.
///
/// Each listener of a user gets each of their questions, and the first answer counts. A question ends once: by an
/// answer, its time limit, the end of its last listener, or the end of the program that wants the signature. No thread
/// waits: what happens is told by closures, which are called on the thread that caused it, without a lock.
package final class SSHConfirmations: Sendable {
    /// How a question ended.
    package enum Verdict: Sendable, Equatable {
        case yes
        case refused(SSHObstacle)
    }

    /// What a listener is told.
    package enum Event: Sendable, Equatable {
        case listening
        /// - Parameter seconds: how long it may be answered.
        case question(id: String, SSHQuestion, seconds: UInt64)
        /// It is not to be answered any more.
        case over(id: String)
    }

    /// For what a confirmed key needs no further confirmation.
    package enum Scope: Sendable, Hashable {
        /// The SSH session to which a program bound its connection first. What comes through a forwarded agent is
        /// another matter than the program's own log-in there.
        case session(pid: Int32, id: [UInt8], isForwarded: Bool)
        /// A connection without a session.
        case connection(UInt64)
    }

    package static let listenersPerUser = 8
    package static let questionsPerUser = 16
    static let listenersInAll = 1024
    static let questionsInAll = 256
    /// Confirmed sessions of one user; the oldest is forgotten first.
    static let sessionsPerUser = 64
    static let sessionsInAll = 1024
    /// How long a listener may take until it asks for the next event.
    package static let patience: UInt64 = 10_000_000_000

    private struct Listener {
        let user: UInt32
        /// Events that it has not asked for yet.
        var events: [Event] = []
        var deliver: (@Sendable (Event) -> Void)?
        /// Since when it asks for none (monotonic).
        var silentSince: UInt64
    }

    private struct Pending {
        let user: UInt32
        let question: SSHQuestion
        let deadline: UInt64
        /// Those that were told of it.
        var listeners: Set<String>
        let decided: @Sendable (Verdict) -> Void
    }

    private struct Confirmed: Equatable {
        let user: UInt32
        let key: ObjectID
        let scope: Scope
    }

    private struct State {
        var listeners: [String: Listener] = [:]
        var questions: [String: Pending] = [:]
        var confirmed: [Confirmed] = []
    }

    private let state = Locked(State())
    /// What is to be called when the lock is free.
    private typealias Calls = [@Sendable () -> Void]

    package init() {}

    /// A name that nobody guesses: 16 random bytes in hexadecimal.
    package static func newName() -> String {
        Secret.random(count: 16).withBytes { bytes in Hexadecimal.encode(bytes.indices.map { bytes[$0] }) }
    }

    // MARK: Listening

    /// The next event of a listener.
    /// - Parameters:
    ///   - name: of the listener.
    ///   - isNew: whether it begins to listen.
    ///   - deliver: called once with the event, if this does not return one and the listener does not leave.
    /// - Returns: an event that is there already; nil: `deliver` gets one.
    /// - Throws: `DTAError` if there is no such listener of this user, or there are too many.
    package func next(
        user: UInt32, listener name: String, isNew: Bool, now: UInt64, deliver: @escaping @Sendable (Event) -> Void
    ) throws -> Event? {
        try state.withLock { state in
            if isNew {
                try SSHConfirmations.admit(user, state)
                var listener = Listener(user: user, silentSince: now)
                for (id, pending) in state.questions where pending.user == user {
                    listener.events.append(SSHConfirmations.event(id, pending, now))
                    state.questions[id]?.listeners.insert(name)
                }
                state.listeners[name] = listener
                return .listening
            }
            guard var listener = state.listeners[name], listener.user == user else {
                throw DTAError(.notFound, "nothing listens by this name", hint: "begin to listen anew")
            }
            guard listener.deliver == nil else {
                throw DTAError(.failedPrecondition, "another request waits for the next question already")
            }
            defer { state.listeners[name] = listener }
            listener.silentSince = now
            guard listener.events.isEmpty else { return listener.events.removeFirst() }
            listener.deliver = deliver
            return nil
        }
    }

    private static func admit(_ user: UInt32, _ state: State) throws {
        let own = state.listeners.values.count { $0.user == user }
        guard own < listenersPerUser, state.listeners.count < listenersInAll else {
            throw DTAError(
                .resourceExhausted,
                own < listenersPerUser
                    ? "\(listenersInAll) programs listen for questions, and that is the limit"
                    : "\(own) programs of this user listen for questions, and that is the limit")
        }
    }

    private static func event(_ id: String, _ pending: Pending, _ now: UInt64) -> Event {
        let left = pending.deadline - min(now, pending.deadline)
        return .question(id: id, pending.question, seconds: left / 1_000_000_000)
    }

    /// A listener is gone. Questions that nobody else can answer end.
    package func leave(_ name: String) {
        finish { SSHConfirmations.remove(name, &$0) }
    }

    private static func remove(_ name: String, _ state: inout State) -> [(String, Verdict)] {
        guard state.listeners.removeValue(forKey: name) != nil else { return [] }
        var ended: [(String, Verdict)] = []
        for (id, pending) in state.questions where pending.listeners.contains(name) {
            state.questions[id]?.listeners.remove(name)
            if pending.listeners.count == 1 { ended.append((id, .refused(.listenerGone))) }
        }
        return ended
    }

    // MARK: Asking

    /// Asks a user.
    /// - Parameters:
    ///   - id: a new name.
    ///   - deadline: until when it may be answered (monotonic).
    ///   - decided: called once when it has ended, if this throws nothing.
    /// - Throws: why nobody can be asked.
    package func ask(
        _ question: SSHQuestion, of user: UInt32, id: String, now: UInt64, deadline: UInt64,
        decided: @escaping @Sendable (Verdict) -> Void
    ) throws(SSHObstacle) {
        var calls: Calls = []
        let obstacle = state.withLock { state -> SSHObstacle? in
            let names = state.listeners.filter { $0.value.user == user }.keys
            guard !names.isEmpty else { return .noListener }
            guard state.questions.count < SSHConfirmations.questionsInAll,
                state.questions.values.count(where: { $0.user == user }) < SSHConfirmations.questionsPerUser
            else { return .tooManyQuestions }
            let pending = Pending(
                user: user, question: question, deadline: deadline, listeners: Set(names), decided: decided)
            state.questions[id] = pending
            for name in names {
                calls += SSHConfirmations.tell(SSHConfirmations.event(id, pending, now), name, now, &state)
            }
            return nil
        }
        for call in calls { call() }
        if let obstacle { throw obstacle }
    }

    private static func tell(_ event: Event, _ name: String, _ now: UInt64, _ state: inout State) -> Calls {
        guard let deliver = state.listeners[name]?.deliver else {
            state.listeners[name]?.events.append(event)
            return []
        }
        state.listeners[name]?.deliver = nil
        state.listeners[name]?.silentSince = now
        return [{ deliver(event) }]
    }

    /// The answer to a question.
    /// - Throws: `DTAError.notFound` if there is no such question to this user, or it has ended.
    package func answer(_ id: String, user: UInt32, yes: Bool) throws {
        let found = finish { state in
            guard state.questions[id]?.user == user else { return [] }
            return [(id, yes ? .yes : .refused(.saidNo))]
        }
        guard found else {
            throw DTAError(.notFound, "there is no such question: it was answered, or it is too late")
        }
    }

    /// The signature is not wanted any more.
    package func withdraw(_ id: String, because why: SSHObstacle) {
        finish { _ in [(id, .refused(why))] }
    }

    /// Ends what is too late, and forgets listeners that stopped asking. To be called several times a second.
    package func expire(_ now: UInt64) {
        finish { state in
            let late = state.questions.filter { $0.value.deadline <= now }
            let silent = state.listeners.filter { _, listener in
                listener.deliver == nil && now > listener.silentSince + SSHConfirmations.patience
            }
            let ended: [(String, Verdict)] = late.map { ($0.key, .refused(.noAnswer)) }
            return ended + silent.flatMap { SSHConfirmations.remove($0.key, &state) }
        }
    }

    /// Ends questions, and tells those who know of them.
    /// - Returns: whether there was one.
    @discardableResult
    private func finish(_ body: (inout State) -> [(String, Verdict)]) -> Bool {
        let now = monotonicNanoseconds()
        var calls: Calls = []
        var found = false
        state.withLock { state in
            for (id, verdict) in body(&state) {
                guard let pending = state.questions.removeValue(forKey: id) else { continue }
                found = true
                calls.append { pending.decided(verdict) }
                for name in pending.listeners { calls += SSHConfirmations.end(id, name, now, &state) }
            }
        }
        for call in calls { call() }
        return found
    }

    private static func end(_ id: String, _ name: String, _ now: UInt64, _ state: inout State) -> Calls {
        // One that it has not got yet is not mentioned.
        let before = state.listeners[name]?.events.count ?? 0
        state.listeners[name]?.events.removeAll { event in
            if case .question(let other, _, _) = event { return other == id }
            return false
        }
        guard state.listeners[name]?.events.count == before else { return [] }
        return tell(.over(id: id), name, now, &state)
    }

    // MARK: Sessions

    /// Whether a user confirmed a key for a session.
    package func remembers(_ user: UInt32, _ key: ObjectID, _ scope: Scope) -> Bool {
        state.withLock { $0.confirmed.contains(Confirmed(user: user, key: key, scope: scope)) }
    }

    package func remember(_ user: UInt32, _ key: ObjectID, _ scope: Scope) {
        state.withLock { state in
            let new = Confirmed(user: user, key: key, scope: scope)
            guard !state.confirmed.contains(new) else { return }
            let own = state.confirmed.indices.filter { state.confirmed[$0].user == user }
            if own.count >= SSHConfirmations.sessionsPerUser, let oldest = own.first {
                state.confirmed.remove(at: oldest)
            } else if state.confirmed.count >= SSHConfirmations.sessionsInAll {
                state.confirmed.removeFirst()
            }
            state.confirmed.append(new)
        }
    }
}
