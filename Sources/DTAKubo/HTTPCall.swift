/// One request to the node's RPC. All of them are POST.
struct HTTPCall {
    /// Behind the endpoint: path and query.
    var target: String
    /// A file in the body, as multipart/form-data (RFC 7578); nil: an empty body.
    var file: [UInt8]?
    /// The time for everything.
    var milliseconds: Int
    /// The longest time in which nothing moves; nil: as long as all of it.
    var stallSeconds: Int?
    /// The most bytes of an answer.
    var limit: Int
}

/// What came back.
struct HTTPAnswer {
    var status = 0
    var body: [UInt8] = []
    /// Kubo's header or trailer X-Stream-Error: what went wrong after it had answered 200.
    var streamError: String?
    /// The body was longer than allowed, and the rest of it never read.
    var isTooLong = false
}

/// A transfer that had no answer.
struct HTTPFailure: Error {
    /// As libcurl says it.
    var reason: String
    var timedOut = false
    /// Ended from here, because the agent stops.
    var stopped = false
}
