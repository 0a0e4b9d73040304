import DTAFormats
import DTAHTTP
import DTASystem
import FoundationEssentials

/// The way to another host's gateway: `POST /v1/courier` sends a CAR, `GET /v1/courier/{cid}` asks for the parts after
/// one. Both answer a CAR, or nothing with status 204.
///
/// For one thread at a time. The gateway's answers are bounded. The agent that takes a CAR in verifies it.
public final class HTTPCourier: CourierWay {
    public struct Options: Sendable {
        /// A PEM file with the authorities that may vouch for gateways; nil: those of this host.
        public var certificateAuthorities: String?
        /// PEM files of the certificate and the key for mutual TLS.
        public var clientCertificate: String?
        public var clientKey: String?
        /// The tokens for gateways.
        public var tokens = CourierTokens()
        /// Whether `http://` may go to another host. Envelopes are sealed and signed; others on the network still see
        /// senders and recipients, and may drop messages. No token is sent that way.
        public var allowsPlain = false
        /// What helps if the gateway is away; nil: carrying it again.
        public var awayHint: String?
        /// What sets the authorities and the certificate, for hints.
        public var authoritiesName = "the file with the authorities"
        public var certificateName = "the client's certificate and its key"
        public var connectMilliseconds = 5000
        /// The time for one exchange.
        public var milliseconds = 60_000

        public init() {}
    }

    public static let path = "/v1/courier"
    private static let stallSeconds = 30

    /// As it was written; errors name it so.
    public let url: String
    private let handle: CurlHandle
    private let options: Options
    /// When all exchanges must be done, by `monotonicNanoseconds()`; nil: only each one's own time counts.
    public var deadline: UInt64?

    /// - Throws: `DTAError`: `invalidArgument` for a malformed or unsafe URL; `failedPrecondition` if the token cannot
    ///   be read, or there is no libcurl.
    public init(_ url: String, _ options: Options) throws {
        self.url = url
        self.options = options
        let address: HTTPAddress
        do {
            address = try HTTPAddress(url, allowsPath: true)
        } catch {
            throw DTAError(.invalidArgument, "a courier's URL \(error.reason), unlike \(ForeignText.line(url))")
        }
        guard address.transport != .plain || options.allowsPlain else {
            throw DTAError(
                .invalidArgument, "\(url) would go over a network without TLS",
                helps: .useTLS)
        }
        var endpoint = HTTPEndpoint(
            address, connectMilliseconds: options.connectMilliseconds, userAgent: "dta/\(Version.current)")
        endpoint.certificateAuthorities = options.certificateAuthorities
        endpoint.clientCertificate = options.clientCertificate
        endpoint.clientKey = options.clientKey ?? options.clientCertificate
        let token = try options.tokens.file(for: address).map(CourierTokens.header)
        do {
            handle = try CurlHandle(endpoint, authorization: token)
        } catch {
            throw DTAError(
                .failedPrecondition, "there is no way to \(url): \(error.reason)",
                helps: .carryByHand)
        }
    }

    /// Sends parts.
    /// - Returns: a CAR with the answers; nil if there are none yet.
    public func deliver(_ car: [UInt8]) throws -> [UInt8]? {
        try answer(to: HTTPCourier.path, .bytes(car, type: Consignment.mediaType))
    }

    /// Asks for the parts that came after one.
    /// - Parameter cursor: of the answer before; "": from the beginning.
    /// - Returns: a CAR, and a cursor if there is more; nil if nothing came.
    /// - Throws: `DTAError.notFound` if the gateway does not know the part, among others.
    public func parts(after cid: CID, cursor: String = "") throws -> (car: [UInt8], cursor: String)? {
        let answer = try perform(
            "\(HTTPCourier.path)/\(cid)\(cursor.isEmpty ? "" : "?cursor=\(cursor)")", .get)
        guard let car = try body(of: answer) else { return nil }
        let next = answer.cursor ?? ""
        // It is sent back in our next request, so it must be safe there.
        guard next.utf8.count <= 20, next.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            throw DTAError(.dataLoss, "\(url) answers with a cursor that is none")
        }
        return (car, next)
    }

    /// Whether the gateway's host has a part, with all that it continues.
    public func knows(_ cid: CID) throws -> Bool {
        let answer = try perform("\(HTTPCourier.path)/\(cid)", .head)
        switch answer.status {
        case 200, 204: return true
        // A gateway that does not answer such questions gets everything.
        case 404, 405, 501: return false
        default: throw refusal(answer)
        }
    }

    /// Asks for an identity of the gateway's host.
    /// - Returns: a CAR with its document, its line and revocations.
    /// - Throws: `DTAError.notFound` if the gateway's host has no such identity, among others.
    public func identity(_ cid: CID) throws -> [UInt8] {
        guard let car = try body(of: try perform("\(HTTPCourier.path)/identity/\(cid)", .get)) else {
            throw DTAError(.dataLoss, "\(url) answers with nothing")
        }
        return car
    }

    private func answer(to target: String, _ body: HTTPCall.Body) throws -> [UInt8]? {
        try self.body(of: try perform(target, body))
    }

    private func perform(_ target: String, _ body: HTTPCall.Body) throws -> HTTPAnswer {
        let call = HTTPCall(
            target: target, body: body, milliseconds: try milliseconds, stallSeconds: HTTPCourier.stallSeconds,
            limit: Consignment.maximumSize)
        do {
            return try handle.perform(call)
        } catch {
            throw unreachable(error)
        }
    }

    private var milliseconds: Int {
        get throws {
            guard let deadline else { return options.milliseconds }
            let now = monotonicNanoseconds()
            guard now < deadline else { throw Courier.late }
            return min(options.milliseconds, Int((deadline - now) / 1_000_000) + 1)
        }
    }

    private func unreachable(_ error: HTTPFailure) -> DTAError {
        if let tls = error.tls {
            return DTAError(
                .unavailable, "\(url) \(tls.sentence) (\(ForeignText.line(error.reason)))",
                hint: tls.hint(authorities: options.authoritiesName, certificate: options.certificateName))
        }
        let sentence = "\(url) \(error.timedOut ? "did not answer in time" : "cannot be reached")"
        let away = DTAError(.unavailable, "\(sentence): \(ForeignText.line(error.reason))", helps: .sendAgain)
        return options.awayHint.map { DTAError(away.code, away.message, hint: $0) } ?? away
    }

    private func body(of answer: HTTPAnswer) throws -> [UInt8]? {
        guard !answer.isTooLong else {
            throw DTAError(.dataLoss, "\(url) answers with more than \(Consignment.maximumSize >> 20) MiB")
        }
        switch answer.status {
        case 200: return answer.body.isEmpty ? nil : answer.body
        case 204: return nil
        default: throw refusal(answer)
        }
    }

    private struct Failure: Decodable {
        struct Inner: Decodable {
            var code: String?
            var message: String?
            var hint: String?
        }
        var error: Inner?
        var message: String?
    }

    /// The gateway's refusal as our error, with its own words quoted.
    private func refusal(_ answer: HTTPAnswer) -> DTAError {
        let decoded = try? JSONDecoder().decode(Failure.self, from: Data(answer.body.prefix(64 << 10)))
        let said =
            decoded?.error?.message ?? decoded?.message ?? String(decoding: answer.body.prefix(512), as: UTF8.self)
        let words = said.isEmpty ? "" : ": \(ForeignText.line(said))"
        let theirs = decoded?.error?.hint.map { ForeignText.line($0) } ?? ""
        switch answer.status {
        case 400, 413, 415, 422: return DTAError(.invalidArgument, "\(url) does not take it\(words)", hint: theirs)
        case 401, 403:
            let sentence = "\(url) turns this courier away\(words)"
            return theirs.isEmpty
                ? DTAError(.permissionDenied, sentence, helps: .giveCredential)
                : DTAError(.permissionDenied, sentence, hint: theirs)
        case 404, 405: return DTAError(.notFound, "\(url) has nothing there\(words)", hint: theirs)
        case 409: return DTAError(.failedPrecondition, "\(url) refuses\(words)", hint: theirs)
        case 429: return DTAError(.resourceExhausted, "\(url) takes no more for now\(words)", hint: theirs)
        case 301...308:
            return DTAError(
                .failedPrecondition, "\(url) sends us elsewhere, which a courier does not follow",
                helps: .changeURL)
        default: return DTAError(.unavailable, "\(url) answers \(answer.status)\(words)", hint: theirs)
        }
    }
}
