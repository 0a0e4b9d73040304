import Foundation
import Hummingbird
import HummingbirdCore

/// Finds an endpoint by its path. Paths are compared as they were sent: ours need no escape and no dot, so a path with
/// one is not found, and no endpoint has a second name.
struct Routes: Sendable {
    struct Found {
        let path: String
        let values: [String: String]
        fileprivate let endpoints: [Endpoint]
        /// The methods that nodes of other types have here.
        fileprivate let elsewhere: [HTTPRequest.Method]

        /// Whether another type of node has it.
        func isElsewhere(_ method: HTTPRequest.Method) -> Bool { elsewhere.contains(method) }

        /// HEAD is answered as GET without its body (RFC 9110 §9.3.2).
        func endpoint(_ method: HTTPRequest.Method) -> Endpoint? {
            endpoints.first { $0.method == method || ($0.method == .get && method == .head) }
        }

        var methods: [String] {
            endpoints.flatMap { $0.method == .get ? ["GET", "HEAD"] : [$0.method.rawValue] }
        }
    }

    private struct Route: Sendable {
        let path: String
        let segments: [Substring]
        var endpoints: [Endpoint]
    }

    private let routes: [Route]
    private let node: GatewayConfiguration.Node

    /// - Parameter endpoints: those of all types, so that another type's path is not taken for one of ours with a
    ///   parameter.
    init(_ endpoints: [Endpoint], node: GatewayConfiguration.Node) {
        self.node = node
        var routes: [Route] = []
        for endpoint in endpoints {
            if let index = routes.firstIndex(where: { $0.path == endpoint.path }) {
                routes[index].endpoints.append(endpoint)
            } else {
                let segments = endpoint.path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
                routes.append(Route(path: endpoint.path, segments: segments, endpoints: [endpoint]))
            }
        }
        // A literal path comes before one with a parameter in its place.
        self.routes = routes.sorted { one, other in
            one.path.filter { $0 == "{" }.count < other.path.filter { $0 == "{" }.count
        }
    }

    /// - Throws: `Problem`, 404.
    func find(_ path: String) throws -> Found {
        let segments = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        for route in routes where route.segments.count == segments.count {
            var values: [String: String] = [:]
            let fits = zip(route.segments, segments).allSatisfy { pattern, segment in
                guard pattern.hasPrefix("{") else { return pattern == segment }
                values[String(pattern.dropFirst().dropLast())] = String(segment)
                return !segment.isEmpty
            }
            guard fits else { continue }
            let ours = route.endpoints.filter { $0.nodes.contains(node) }
            let others = route.endpoints.filter { !$0.nodes.contains(node) }
            guard !ours.isEmpty else { break }
            return Found(path: route.path, values: values, endpoints: ours, elsewhere: others.map(\.method))
        }
        throw Problem.notFound("there is nothing at this path")
    }

    static func isKnown(_ method: HTTPRequest.Method) -> Bool {
        [.get, .head, .post, .put, .delete, .options, .patch].contains(method)
    }
}

extension Endpoint {
    /// The parameters of path and query, each checked by its kind.
    /// - Throws: `Problem` for a wrong, unknown or repeated one.
    func values(_ uri: URI, _ path: [String: String]) throws -> [String: String] {
        var given = path
        for pair in (uri.query ?? "").split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = String(parts[0]).removingPercentEncoding,
                let value = String(parts.count > 1 ? parts[1] : "").removingPercentEncoding
            else { throw Problem.invalid("the query is not percent-encoded as it should be") }
            guard parameters.contains(where: { $0.place == .query && $0.name == name }) else {
                throw Problem.invalid("there is no parameter \(shown(name)) here")
            }
            guard given.updateValue(value, forKey: name) == nil else {
                throw Problem.invalid("the parameter \(name) stands there twice")
            }
        }
        for parameter in parameters { given[parameter.name] = try parameter.validate(given[parameter.name]) }
        return given
    }
}

extension Endpoint.Parameter {
    /// Its value, or its default.
    fileprivate func validate(_ value: String?) throws -> String? {
        switch kind {
        case .text(let rule):
            guard let value else { return nil }
            guard rule.accepts(value) else { throw Problem.invalid("\(name) must be \(rule.what)") }
            return value
        case .integer(let range, let standard):
            guard let value else { return "\(standard)" }
            guard let number = Int64(value), "\(number)" == value, range.contains(number) else {
                throw Problem.invalid("\(name) must be a whole number from \(range.lowerBound) to \(range.upperBound)")
            }
            return value
        case .choice(let choices, let standard):
            guard let value else { return standard }
            guard choices.contains(value) else {
                throw Problem.invalid("\(name) must be one of \(choices.joined(separator: ", "))")
            }
            return value
        }
    }
}
