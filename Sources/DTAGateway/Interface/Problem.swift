import AgentProtocol
import DTAJSON
import DTASystem
import Hummingbird

/// The error of a request for its client: a status (RFC 9110 §15), a stable code, a sentence, a hint.
struct Problem: Error, Sendable {
    var status: HTTPResponse.Status
    /// The agent's code, or one of `Code`.
    var code: String
    var message: String
    var hint: String
    var headers = HTTPFields()
    /// Whether the connection must end, because not all of the request was read.
    var closes = false

    /// Codes that only the gateway has.
    enum Code {
        static let unauthenticated = "UNAUTHENTICATED"
        static let tooLarge = "TOO_LARGE"
        static let methodNotAllowed = "METHOD_NOT_ALLOWED"
        static let unsupportedMediaType = "UNSUPPORTED_MEDIA_TYPE"
        static let expectationFailed = "EXPECTATION_FAILED"
        static let notImplemented = "NOT_IMPLEMENTED"
        static let versionNotSupported = "VERSION_NOT_SUPPORTED"
    }

    init(_ status: HTTPResponse.Status, _ code: String, _ message: String, hint: String = "") {
        self.status = status
        self.code = code
        self.message = message
        self.hint = hint
    }

    /// From an error of the agent or of our own code.
    init(_ error: any Error) {
        if let known = error as? Problem {
            self = known
            return
        }
        let reason = (error as? AgentUnreachable)?.error ?? DTAError(error)
        self.init(Problem.status(of: reason.code), reason.code.name, reason.message, hint: reason.hint(HintText.of))
        if error is AgentUnreachable {
            // Clients from outside must not learn the path of the agent's socket.
            message = "the agent cannot be reached"
            hint = "try again later"
        }
        switch reason.code {
        case .unavailable, .resourceExhausted: headers[.retryAfter] = "1"
        case .internal:
            // The text of a defect may be confidential; it is only in the log.
            message = "this went wrong inside the gateway or the agent"
            hint = "the gateway's log says more"
        default: break
        }
    }

    /// The request is wrong.
    static func invalid(_ message: String, hint: String = "") -> Problem {
        Problem(.badRequest, ErrorCode.invalidArgument.name, message, hint: hint)
    }

    static var noBody: Problem { .invalid("this request has no body") }

    static func notFound(_ message: String) -> Problem { Problem(.notFound, ErrorCode.notFound.name, message) }

    static func forbidden(_ message: String, hint: String = "") -> Problem {
        Problem(.forbidden, ErrorCode.permissionDenied.name, message, hint: hint)
    }

    /// The state does not allow it.
    static func conflict(_ message: String, hint: String = "") -> Problem {
        Problem(.conflict, ErrorCode.failedPrecondition.name, message, hint: hint)
    }

    static func busy(_ message: String) -> Problem {
        var problem = Problem(.serviceUnavailable, ErrorCode.unavailable.name, message, hint: "try again later")
        problem.headers[.retryAfter] = "1"
        return problem
    }

    static func tooLarge(_ limit: Int) -> Problem {
        Problem(.contentTooLarge, Code.tooLarge, "the body has more than \(limit) bytes")
    }

    /// - Parameter detail: the fault of the credential, as `error_description` (RFC 6750 §3).
    static func unauthenticated(_ detail: String, scheme: Bool) -> Problem {
        var problem = Problem(.unauthorized, Code.unauthenticated, detail)
        problem.headers[.wwwAuthenticate] =
            scheme ? "Bearer realm=\"dtagw\", error=\"invalid_token\"" : "Bearer realm=\"dtagw\""
        return problem
    }

    static func status(of code: ErrorCode) -> HTTPResponse.Status {
        switch code {
        case .invalidArgument: .badRequest
        case .notFound: .notFound
        case .permissionDenied: .forbidden
        case .unavailable: .serviceUnavailable
        case .resourceExhausted: .tooManyRequests
        // Stored or brought data is damaged or forged: asking again does not help, and it is no defect.
        case .failedPrecondition, .dataLoss: .conflict
        case .internal: .internalServerError
        }
    }

    /// In the form of `dtactl --json`.
    var body: [UInt8] {
        let error = JSONValue.members([
            ("code", .string(code)), ("message", .string(message)), ("hint", .string(hint)),
        ])
        return JSONValue.members([("error", error)]).bytes
    }

    var response: Response {
        var headers = headers
        headers[.contentType] = "application/json"
        if closes { headers[.connection] = "close" }
        return Response(status: status, headers: headers, body: .init(byteBuffer: ByteBuffer(bytes: body)))
    }
}
