import AgentServer
import DTAAgent
import DTACore
import DTASSH
import DTASystem
import Logging

/// One request on ssh.sock: it is recorded once and answered once, as a `Call` on agent.sock. The protocol's one error
/// says nothing, so the reason of a refusal is in its record, as a word, and in the log, as a sentence.
struct SSHCall: Sendable {
    private let caller: Caller
    private let agent: Agent
    private let logger: Logger
    private let operation: String
    private var subject = ""
    private var detail = AuditDetail()
    private let began = monotonicNanoseconds()

    init(_ operation: String, from caller: Caller, _ agent: Agent, _ logger: Logger) {
        self.operation = operation
        self.caller = caller
        self.agent = agent
        self.logger = logger
    }

    // MARK: What is recorded

    /// The same, about a key.
    func about(_ key: KeyRecord) -> SSHCall {
        var copy = self
        copy.subject = key.name
        if key.isImported { copy.detail.add("imported") }
        return copy
    }

    /// The same, with what is to be signed on a connection.
    func noting(_ content: SSHSignedData, _ bindings: SSHBindings) -> SSHCall {
        var copy = self
        copy.detail.add(content, bindings)
        return copy
    }

    /// The same, with a session.
    func noting(_ binding: SSHBinding) -> SSHCall {
        var copy = self
        copy.detail.add("host", binding.hostKey.fingerprint)
        if binding.isForwarding { copy.detail.add("forwarding") }
        return copy
    }

    /// The same, with whether the user was asked: `yes`, or `session` if that was before.
    func noting(confirmed: String) -> SSHCall {
        var copy = self
        copy.detail.add("confirmed", confirmed)
        return copy
    }

    // MARK: Answers

    func answer(_ answer: SSHAgentAnswer) -> Step { .answer(finish(.success(answer))) }

    /// Refused by the worker. If the record must be on the disk before the answer, that goes to a lane.
    func refused(_ error: any Error) -> Step {
        reason(error).code == .permissionDenied
            ? .lane(.durable) { .answer(finish(.failure(error), durable: true)) } : .answer(finish(.failure(error)))
    }

    /// Records the result before it is answered. A result that cannot be recorded is not answered.
    func finish(_ result: Result<SSHAgentAnswer, any Error>, durable: Bool = false) -> Outcome {
        switch result {
        case .success(let answer):
            do {
                let size = try record("OK", detail, durable: durable)
                return Outcome(frame: answer.frame, recordedBytes: size)
            } catch {
                return Outcome(frame: SSHAgentAnswer.failure.frame, refusal: DTAError(error).code)
            }
        case .failure(let error):
            let reason = reason(error)
            var detail = detail
            if let refusal = error as? SSHRefusal { detail.add("why", refusal.why.rawValue) }
            let size =
                (try? record(reason.code.name, detail, durable: durable || reason.code == .permissionDenied)) ?? 0
            // One that is counted together with others is not logged either.
            if size > 0 { log(reason) }
            return Outcome(frame: failure.frame, refusal: reason.code, recordedBytes: size)
        }
    }

    private func reason(_ error: any Error) -> DTAError { (error as? SSHRefusal)?.error ?? DTAError(error) }

    /// An extension that is known has an error of its own (RFC 9987 §5.8).
    private var failure: SSHAgentAnswer { operation == "ssh.bind" ? .extensionFailure : .failure }

    private func log(_ reason: DTAError) {
        logger.notice(
            "refused on ssh.sock: \(reason.message)",
            metadata: ["user": "\(caller.display)", "op": "\(operation)", "key": "\(ForeignText.quoted(subject))"])
    }

    private func record(_ result: String, _ detail: AuditDetail, durable: Bool) throws -> Int {
        try agent.record(
            AuditRecord(
                caller: caller, operation: operation, subject: subject, detail: detail, result: result,
                microseconds: (monotonicNanoseconds() - began) / 1000), durable: durable)
    }
}

extension AuditDetail {
    /// What is to be signed, and on what kind of connection.
    fileprivate mutating func add(_ content: SSHSignedData, _ bindings: SSHBindings) {
        switch content {
        case .login(let login):
            add("login", login.user)
            if let host = bindings.host(of: login) {
                add("host", host.fingerprint)
            } else if !bindings.all.isEmpty {
                add("other-session")
            }
        case .message(let message): add("namespace", message.namespace)
        case .certificate(let certificate):
            add("certificate", certificate.kind.name)
            add("principals", certificate.principals.isEmpty ? "*" : certificate.principals.joined(separator: ","))
            add("before", "\(certificate.validBefore)")
        case .exchangeHash: add("exchange-hash")
        case .test: add("test")
        case .unknown: add("unknown")
        }
        if bindings.all.isEmpty { add("unbound") } else { add("hops", "\(bindings.all.count)") }
    }
}
