import DTAConfiguration
import DTAFormats
import DTAHTTP
import DTASystem

/// A client of an IPFS node by Kubo's RPC (https://docs.ipfs.tech/reference/kubo/rpc/): it puts, gets and pins blocks.
/// Any thread may call it; each call waits for its answer.
///
/// The node is not trusted: its answers are bounded, and each block is hashed.
public final class KuboClient: Sendable {
    /// The most bytes of a block, which is also what nodes exchange.
    public static let blockLimit = 1 << 20
    /// The most bytes of an answer that is not a block.
    private static let answerLimit = 64 << 10
    /// How much longer than the node's own time limit a call waits, so that the node can report the error.
    private static let graceMilliseconds = 2000
    private static let stallSeconds = 30

    public let options: Configuration.Kubo
    private let endpoint: HTTPEndpoint
    private let authorization: SecretBytes?
    /// Idle handles, each with an open connection. There are as many as threads ever called at the same time.
    private let idle = Locked(Idle())
    private let stopping = Locked(false)

    private struct Idle: @unchecked Sendable {
        // Sendable: a handle is in this list, or with the one thread that took it out.
        var handles: [CurlHandle] = []
    }

    /// Reads the secret and loads libcurl; it does not call the node.
    /// - Throws: `DTAError.failedPrecondition`.
    public init(_ options: Configuration.Kubo) throws {
        self.options = options
        // Kubo takes a client that calls itself Mozilla for a web page, and refuses it.
        var endpoint = HTTPEndpoint(
            options.api.address, suffix: "/api/v0/", connectMilliseconds: options.connectMilliseconds,
            userAgent: "dtad/\(Version.current)")
        endpoint.certificateAuthorities = options.certificateAuthorities
        self.endpoint = endpoint
        authorization = try options.authorization.map(KuboSecret.header)
        do {
            let first = try makeHandle()
            idle.withLock { $0.handles.append(first) }
        } catch {
            throw DTAError(
                .failedPrecondition, "an IPFS node is configured, and libcurl cannot be used: \(error.reason)",
                hint: "on Debian, apt-get install libcurl4; or remove ledger.kubo from the configuration")
        }
    }

    /// The node, as errors and logs name it.
    public var name: String { "the IPFS node at \(options.api)" }

    /// Ends the waiting calls, and all later ones. For the agent's end.
    public func stop() { stopping.withLock { $0 = true } }

    // MARK: Calls

    func call(_ call: HTTPCall) throws -> HTTPAnswer {
        let answer: HTTPAnswer
        do {
            let handle = try idle.withLock { $0.handles.popLast() } ?? makeHandle()
            // A handle whose transfer failed may be given back: libcurl has closed its connection.
            defer { idle.withLock { $0.handles.append(handle) } }
            answer = try handle.perform(call)
        } catch let error as HTTPFailure {
            throw failure(error)
        }
        guard answer.status == 200 else { throw refusal(answer) }
        if let reason = answer.streamError { throw refused(reason) }
        return answer
    }

    private func makeHandle() throws(HTTPFailure) -> CurlHandle {
        let stopping = stopping
        return try CurlHandle(endpoint, authorization: authorization) { stopping.withLock { $0 } }
    }

    /// A command's target with its arguments, of which none needs escaping: they are CIDs and numbers.
    func target(_ command: String, _ arguments: [(String, String)] = []) -> String {
        let query = arguments.map { "\($0)=\($1)" }.joined(separator: "&")
        return query.isEmpty ? command : "\(command)?\(query)"
    }

    func json(_ target: String, file: [UInt8]? = nil, milliseconds: Int) throws -> HTTPAnswer {
        try call(
            HTTPCall(
                target: target, body: file.map { .file($0) } ?? .empty,
                milliseconds: milliseconds + KuboClient.graceMilliseconds,
                stallSeconds: file == nil ? nil : KuboClient.stallSeconds, limit: KuboClient.answerLimit))
    }

    func block(_ target: String, milliseconds: Int) throws -> HTTPAnswer {
        try call(
            HTTPCall(
                target: target, body: .empty, milliseconds: milliseconds + KuboClient.graceMilliseconds,
                limit: KuboClient.blockLimit))
    }
}
