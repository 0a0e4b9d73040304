import DTASystem

/// The errors of a request that was sent, for both clients.
enum AgentConnectionError {
    static let timeout = DTAError(
        .unavailable, "the agent did not answer in time",
        helps: .waitLonger)

    static let closed = DTAError(.unavailable, "this client was closed before the agent answered")

    static func lost(midFrame: Bool) -> DTAError {
        DTAError(
            .unavailable,
            midFrame
                ? "the agent closed the connection in the middle of an answer"
                : "the agent closed the connection before it answered",
            hint: "it may have been restarted; see whether the request was done before you repeat it")
    }

    /// Takes the next frame and reads it as an answer.
    /// - Throws: `DTAError.dataLoss` if it is not one: the stream cannot be followed any further.
    static func decoding(_ next: () throws -> [UInt8]?) throws -> AgentResponse? {
        let body: [UInt8]?
        do {
            body = try next()
        } catch {
            throw notTheProtocol("\(DTAError(error).message)")
        }
        guard let body else { return nil }
        do {
            return try AgentResponse(serializedBytes: body)
        } catch {
            throw notTheProtocol("a frame of \(body.count) bytes that is no answer")
        }
    }

    private static func notTheProtocol(_ what: String) -> DTAError {
        DTAError(
            .dataLoss, "what answers on this socket does not speak the agent's protocol: \(what)",
            hint: "is this the socket of dtad, and not another program's?")
    }
}
