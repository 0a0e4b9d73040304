import CustodyProtocol
import DTASSH
import DTASystem
import Testing

@testable import DTACore

/// Questions, their listeners and their ends, without an agent around them.
@Suite("Questions before a key signs")
struct SSHConfirmationTests {
    private typealias Verdict = SSHConfirmations.Verdict
    private typealias Event = SSHConfirmations.Event

    private let confirmations = SSHConfirmations()
    private let question = SSHQuestion(
        key: "laptop", fingerprint: "SHA256:x", .unknown, SSHBindings(), alice, once: false, hostName: { _ in nil })
    private let second: UInt64 = 1_000_000_000

    /// What came to one of the closures.
    private final class Heard<Value: Sendable>: Sendable {
        private let values = Locked<[Value]>([])

        func put(_ value: Value) { values.withLock { $0.append(value) } }

        var all: [Value] { values.withLock { $0 } }
    }

    private func listen(_ name: String, user: UInt32 = 1000, now: UInt64 = 0) throws {
        let event = try confirmations.next(user: user, listener: name, isNew: true, now: now) { _ in }
        #expect(event == .listening)
    }

    /// Asks for the next event.
    /// - Returns: those that came, at once and later.
    private func next(_ name: String, user: UInt32 = 1000, now: UInt64 = 0) throws -> Heard<Event> {
        let heard = Heard<Event>()
        let event = try confirmations.next(user: user, listener: name, isNew: false, now: now) { heard.put($0) }
        if let event { heard.put(event) }
        return heard
    }

    private func ask(
        _ id: String, of user: UInt32 = 1000, deadline: UInt64 = .max
    ) throws(SSHObstacle) -> Heard<Verdict> {
        let heard = Heard<Verdict>()
        try confirmations.ask(question, of: user, id: id, now: 0, deadline: deadline) { heard.put($0) }
        return heard
    }

    private func asked(_ id: String, seconds: UInt64 = UInt64.max / 1_000_000_000) -> Event {
        .question(id: id, question, seconds: seconds)
    }

    @Test("without a listener of the user nobody is asked")
    func noListener() throws {
        #expect(throws: SSHObstacle.noListener) { _ = try ask("q") }
        try listen("other", user: 1001)
        #expect(throws: SSHObstacle.noListener) { _ = try ask("q") }
    }

    @Test("a listener that waits gets a question, its first answer counts, and another user's counts never")
    func answers() throws {
        try listen("a")
        let heard = try next("a")
        #expect(heard.all.isEmpty)
        let (yes, no) = (try ask("q1"), try ask("q2", deadline: 5 * second))
        #expect(heard.all == [asked("q1")])
        #expect(try next("a").all == [asked("q2", seconds: 5)])
        #expect(throws: DTAError.self) { try confirmations.answer("q1", user: 1001, yes: true) }
        #expect(yes.all.isEmpty)
        try confirmations.answer("q1", user: 1000, yes: true)
        try confirmations.answer("q2", user: 1000, yes: false)
        #expect(yes.all == [.yes] && no.all == [.refused(.saidNo)])
        for id in ["q1", "q2", "q3"] {
            #expect(throws: DTAError.self) { try confirmations.answer(id, user: 1000, yes: true) }
        }
        #expect(yes.all == [.yes] && no.all == [.refused(.saidNo)])
    }

    @Test("of several listeners each is asked, and told when another one has answered")
    func several() throws {
        for name in ["a", "b", "c"] { try listen(name) }
        let (a, b) = (try next("a"), try next("b"))
        let verdict = try ask("q")
        #expect(a.all == [asked("q")] && b.all == [asked("q")])
        let waiting = try next("b")
        try confirmations.answer("q", user: 1000, yes: true)
        #expect(verdict.all == [.yes] && waiting.all == [.over(id: "q")])
        #expect(try next("a").all == [.over(id: "q")])
        // One that had not got it hears nothing of it.
        #expect(try next("c").all.isEmpty)
    }

    @Test("a question ends when its last listener leaves, or stops asking")
    func leaving() throws {
        try listen("a")
        try listen("b")
        let first = try ask("q1")
        confirmations.leave("a")
        #expect(first.all.isEmpty)
        confirmations.leave("b")
        confirmations.leave("b")
        #expect(first.all == [.refused(.listenerGone)])
        #expect(throws: SSHObstacle.noListener) { _ = try ask("q2") }
        #expect(throws: DTAError.self) { _ = try next("a") }

        try listen("c", now: 0)
        let third = try ask("q3")
        confirmations.expire(SSHConfirmations.patience)
        #expect(third.all.isEmpty)
        confirmations.expire(SSHConfirmations.patience + 1)
        #expect(third.all == [.refused(.listenerGone)])
        // One that waits may wait for long.
        try listen("d")
        _ = try next("d")
        confirmations.expire(.max)
        _ = try ask("q4")
    }

    @Test("a question is over at its deadline, and when it is withdrawn, and a late answer is refused")
    func ends() throws {
        try listen("a")
        let (late, withdrawn) = (try ask("q1", deadline: 5 * second), try ask("q2"))
        #expect(try next("a").all.count == 1)
        confirmations.expire(5 * second - 1)
        #expect(late.all.isEmpty)
        confirmations.expire(5 * second)
        confirmations.withdraw("q2", because: .clientGone)
        confirmations.withdraw("q2", because: .clientGone)
        #expect(late.all == [.refused(.noAnswer)])
        #expect(withdrawn.all == [.refused(.clientGone)])
        #expect(throws: DTAError.self) { try confirmations.answer("q1", user: 1000, yes: true) }
    }

    @Test("questions and listeners of a user are bounded, and others have theirs")
    func bounds() throws {
        for number in 0..<SSHConfirmations.listenersPerUser { try listen("l\(number)") }
        #expect(throws: DTAError.self) { try listen("more") }
        try listen("other", user: 1001)
        for number in 0..<SSHConfirmations.questionsPerUser { _ = try ask("q\(number)") }
        #expect(throws: SSHObstacle.tooManyQuestions) { _ = try ask("q") }
        _ = try ask("r", of: 1001)
        confirmations.withdraw("q0", because: .clientGone)
        _ = try ask("q")
    }

    @Test("a listener that begins is asked what waits already, and two requests of one listener are refused")
    func late() throws {
        try listen("a")
        _ = try ask("q")
        try listen("b")
        let heard = try next("b")
        #expect(heard.all == [asked("q")])
        confirmations.leave("a")
        try confirmations.answer("q", user: 1000, yes: true)
        _ = try next("b")
        #expect(throws: Never.self) { confirmations.leave("b") }
        try listen("c")
        _ = try next("c")
        #expect(throws: DTAError.self) { _ = try next("c") }
        #expect(throws: DTAError.self) { _ = try next("c", user: 1001) }
    }

    @Test("a confirmed session is remembered for its user, key and process, and the oldest is forgotten")
    func sessions() throws {
        let key = try ObjectID([UInt8](repeating: 1, count: 16))
        let other = try ObjectID([UInt8](repeating: 2, count: 16))
        confirmations.remember(1000, key, .session(pid: 5, id: [1], isForwarded: false))
        #expect(confirmations.remembers(1000, key, .session(pid: 5, id: [1], isForwarded: false)))
        #expect(!confirmations.remembers(1001, key, .session(pid: 5, id: [1], isForwarded: false)))
        #expect(!confirmations.remembers(1000, other, .session(pid: 5, id: [1], isForwarded: false)))
        #expect(!confirmations.remembers(1000, key, .session(pid: 6, id: [1], isForwarded: false)))
        #expect(!confirmations.remembers(1000, key, .session(pid: 5, id: [2], isForwarded: false)))
        #expect(!confirmations.remembers(1000, key, .session(pid: 5, id: [1], isForwarded: true)))
        #expect(!confirmations.remembers(1000, key, .connection(5)))
        for number in 0..<SSHConfirmations.sessionsPerUser {
            confirmations.remember(1000, key, .connection(UInt64(number)))
        }
        #expect(!confirmations.remembers(1000, key, .session(pid: 5, id: [1], isForwarded: false)))
        #expect(confirmations.remembers(1000, key, .connection(0)))
    }
}
