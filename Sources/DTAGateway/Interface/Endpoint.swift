import DTAJSON
import Hummingbird

/// One path and method: its clients, its request and its answer. The server and the interface's description are both
/// made of these.
struct Endpoint: Sendable {
    struct Parameter: Sendable {
        enum Place: String { case path, query }
        enum Kind: Sendable {
            case text(TextRule)
            case integer(ClosedRange<Int64>, standard: Int64)
            case choice([String], standard: String)
        }

        let name: String
        let place: Place
        let kind: Kind
        let text: String
    }

    enum Body: Sendable {
        case none
        /// The name of a schema; and whether it may be left out.
        case json(String, isOptional: Bool = false)
        case car
    }

    /// The answer after success.
    struct Answer: Sendable {
        let status: HTTPResponse.Status
        let text: String
        var type = "application/json"
        /// The name of a schema.
        var schema: String?
        /// A header that it may have: its name, its meaning, and its possible texts.
        var header: (name: String, text: String, rule: TextRule)?
    }

    typealias Handler = @Sendable (GatewayServices, Call) async throws -> Reply

    let method: HTTPRequest.Method
    /// With its parameters in braces.
    let path: String
    /// Unique, for programs.
    let name: String
    let summary: String
    var text = ""
    let tag: String
    var nodes: Set<GatewayConfiguration.Node> = Set(GatewayConfiguration.Node.allCases)
    let access: Access
    /// Whether it counts for a client's rate. Health checks may share an address with clients, and must be answered.
    var isCounted = true
    var parameters: [Parameter] = []
    var body = Body.none
    /// The most bytes of the body; nil: as configured.
    var limit: Int?
    let answers: [Answer]
    /// The statuses of its refusals, besides those that all of them have.
    var problems: [HTTPResponse.Status] = []
    let handle: Handler

    /// Every status that it may answer.
    var statuses: [HTTPResponse.Status] {
        // A body that the endpoint does not take is read as well, up to its limit.
        var all =
            answers.map(\.status) + problems + [.badRequest, .contentTooLarge, .tooManyRequests, .serviceUnavailable]
        switch access {
        case .everybody: break
        case .clients: all += [.unauthorized, .forbidden]
        case .peers: all += [.unauthorized, .forbidden]
        }
        switch body {
        case .none: break
        case .json, .car: all += [.unsupportedMediaType]
        }
        var seen: Set<Int> = []
        return all.filter { seen.insert($0.code).inserted }.sorted { $0.code < $1.code }
    }
}

/// A request that was admitted and read.
struct Call: Sendable {
    let client: Client
    /// Those of path and query, each checked by its kind.
    let parameters: [String: String]
    /// Whether it was HEAD: an answer's body is not sent, and need not be made.
    var isHead = false
    var json: JSONValue?
    var bytes: [UInt8] = []

    func integer(_ name: String) -> Int { parameters[name].flatMap(Int.init) ?? 0 }
}

/// An answer.
struct Reply: Sendable {
    var status = HTTPResponse.Status.ok
    var type = "application/json"
    var bytes: [UInt8] = []
    var headers = HTTPFields()
    /// The client on whose account a large answer is held; nil: the one that asked, if that is known.
    var holder: Client?

    init(_ value: JSONValue) { bytes = value.bytes }

    init(_ bytes: [UInt8], type: String) {
        self.bytes = bytes
        self.type = type
    }

    /// An empty answer.
    static var nothing: Reply {
        var reply = Reply([], type: "")
        reply.status = .noContent
        return reply
    }

    var response: Response { response(bytes.isEmpty ? .init() : .init(byteBuffer: ByteBuffer(bytes: bytes))) }

    func response(_ body: ResponseBody) -> Response {
        var headers = headers
        if !type.isEmpty { headers[.contentType] = type }
        return Response(status: status, headers: headers, body: body)
    }
}
