import DTAHTTP
import DTASystem
import Foundation

/// Errors for people: each names the node, and quotes its words if there are any.
extension KuboClient {
    func failure(_ failure: HTTPFailure) -> KuboError {
        if failure.stopped { return KuboError(.stopped, DTAError(.unavailable, "the agent is stopping")) }
        return KuboError(
            .unreachable,
            DTAError(
                .unavailable,
                failure.timedOut
                    ? "\(name) did not answer in time: \(quoted(failure.reason))"
                    : "\(name) cannot be reached: \(quoted(failure.reason))",
                hint: "is it running, and may dtad use its RPC? dtad check tells"))
    }

    /// The error for an answer whose status is not 200.
    func refusal(_ answer: HTTPAnswer) -> KuboError {
        let message = message(answer)
        switch answer.status {
        case 401, 403:
            return KuboError(
                .unreachable,
                DTAError(
                    .failedPrecondition, "\(name) turns the agent away: \(message)",
                    hint: "ledger.kubo.auth and its secret must be what the node's API.Authorizations expects"))
        case 404, 405:
            return KuboError(
                .unreachable,
                DTAError(
                    .failedPrecondition, "\(name) answers \(answer.status): it does not speak Kubo's RPC",
                    hint: "ledger.kubo.api is the RPC's address (Addresses.API), not the gateway's"))
        case 500 where isErrorObject(answer): return refused(message)
        case 400: return refused(message)
        default:
            return KuboError(.unreachable, DTAError(.unavailable, "\(name) answers \(answer.status): \(message)"))
        }
    }

    /// The node's own words about one call that it could not do.
    func refused(_ message: String) -> KuboError {
        KuboError(.refused, DTAError(.unavailable, "\(name) refused: \(quoted(message))"))
    }

    /// The node answered 200, but not as Kubo does.
    func garbage(_ command: String) -> KuboError {
        KuboError(
            .unreachable,
            DTAError(
                .unavailable, "\(name) answers \(command) with something that is not Kubo's",
                hint: "ledger.kubo.api must be the RPC of a Kubo node, and nothing between may change its answers"))
    }

    private func isErrorObject(_ answer: HTTPAnswer) -> Bool {
        (try? JSONDecoder().decode(KuboAnswers.Failure.self, from: Data(answer.body))) != nil
    }

    private func message(_ answer: HTTPAnswer) -> String {
        if let object = try? JSONDecoder().decode(KuboAnswers.Failure.self, from: Data(answer.body)) {
            return quoted(object.message)
        }
        return quoted(String(decoding: answer.body.prefix(512), as: UTF8.self))
    }

    func quoted(_ text: String) -> String { ForeignText.line(text) }
}
