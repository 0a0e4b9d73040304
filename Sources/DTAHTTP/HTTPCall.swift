/// One HTTP request.
public struct HTTPCall: Sendable {
    public enum Body: Sendable {
        /// GET.
        case get
        /// HEAD: what GET would answer, without its body.
        case head
        /// POST with an empty body.
        case empty
        /// POST with bytes of a media type.
        case bytes([UInt8], type: String)
        /// POST with one file, as multipart/form-data (RFC 7578).
        case file([UInt8])
    }

    /// Path and query, after the endpoint.
    public var target: String
    public var body: Body
    /// The time for everything.
    public var milliseconds: Int
    /// The longest time without a byte; nil: the time for everything.
    public var stallSeconds: Int?
    /// The most bytes of an answer.
    public var limit: Int

    public init(target: String, body: Body, milliseconds: Int, stallSeconds: Int? = nil, limit: Int) {
        self.target = target
        self.body = body
        self.milliseconds = milliseconds
        self.stallSeconds = stallSeconds
        self.limit = limit
    }
}

/// The answer.
public struct HTTPAnswer: Sendable {
    public internal(set) var status = 0
    public internal(set) var body: [UInt8] = []
    /// Kubo's header or trailer X-Stream-Error: an error after it had answered 200.
    public internal(set) var streamError: String?
    /// A gateway's header DTA-Cursor: the cursor for the next request.
    public internal(set) var cursor: String?
    /// The body was longer than allowed, and the rest of it never read.
    public internal(set) var isTooLong = false
}

/// A transfer that had no answer.
public struct HTTPFailure: Error, Sendable {
    /// libcurl's text.
    public var reason: String
    public var timedOut = false
    /// We ended it.
    public var stopped = false
    /// Why there is no TLS; nil for other reasons.
    public var tls: TLSProblem?
}
