import DTAJSON
import DTASystem
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore

import enum NIOHTTP1.HTTPParserError

/// One request from its head to its answer: endpoint, client, input, answer and counts.
struct GatewayResponder: HTTPResponder {
    typealias Context = GatewayContext

    let services: GatewayServices
    private let routes: Routes
    private let origins: Set<String>

    init(_ services: GatewayServices, node: GatewayConfiguration.Node) {
        self.services = services
        routes = Routes(Endpoints.all, node: node)
        origins = Set(services.configuration.origins)
    }

    func respond(to request: Request, context: GatewayContext) async throws -> Response {
        let start = monotonicNanoseconds()
        var route = "other"
        var response: Response
        do {
            if let refusal = context.facts.refusal { throw refusal }
            response = try await answer(request, context, &route)
        } catch {
            let problem = Problem(error)
            if problem.status == .internalServerError {
                services.logger.error("a request failed: \(DTAError(error).message)", metadata: ["route": "\(route)"])
            }
            response = problem.response
        }
        context.progress.didFind(route)
        guard !Task.isCancelled else { return response }
        addHeaders(&response, request)
        services.measurements.count(
            method: Routes.isKnown(request.method) ? request.method.rawValue : "other", route: route,
            status: response.status.code, nanoseconds: monotonicNanoseconds() - start)
        return response
    }

    private func answer(_ request: Request, _ context: GatewayContext, _ route: inout String) async throws -> Response {
        let found = try routes.find(request.uri.path)
        route = found.path
        if request.method == .options, request.headers[.origin] != nil,
            let preflight = preflight(request, methods: found.methods)
        {
            return preflight
        }
        guard let endpoint = found.endpoint(request.method) else {
            guard !found.isElsewhere(request.method) else {
                throw Problem.notFound("this type of node does not do this")
            }
            var problem = Problem(
                .methodNotAllowed, Problem.Code.methodNotAllowed, "\(found.path) has no such method")
            problem.headers[.allow] = found.methods.joined(separator: ", ")
            throw problem
        }
        let client = try await services.doorkeeper.admit(request, context, to: endpoint)
        context.progress.didAdmit(client)
        var call = Call(client: client, parameters: try endpoint.values(request.uri, found.values))
        call.isHead = request.method == .head
        let reply = try await handle(request, context, endpoint, &call)
        // Pages are held once for all clients.
        let holder = reply.holder ?? (endpoint.access == .everybody ? nil : client)
        guard let holder, reply.bytes.count > services.configuration.limits.bodyBytes else { return reply.response }
        return reply.response(holding: try services.largeBodies.take(reply.bytes.count, for: holder))
    }

    private func handle(
        _ request: Request, _ context: GatewayContext, _ endpoint: Endpoint, _ call: inout Call
    ) async throws -> Reply {
        let share = try room(request, endpoint, call.client)
        defer { withExtendedLifetime(share) {} }
        try await read(request, context, endpoint, &call)
        defer { call.bytes = [] }
        return try await endpoint.handle(services, call)
    }

    /// The memory for a body that may be a large one; nil for others, which the number of connections bounds.
    private func room(_ request: Request, _ endpoint: Endpoint, _ client: Client) throws -> FairShares.Share? {
        let usual = services.configuration.limits.bodyBytes
        guard let limit = endpoint.limit, limit > usual else { return nil }
        // One without a size may have the largest.
        let size = request.headers[.contentLength].flatMap(Int.init) ?? limit
        guard size > usual, size <= limit else { return nil }
        return try services.largeBodies.take(size, for: client)
    }

    private func read(
        _ request: Request, _ context: GatewayContext, _ endpoint: Endpoint, _ call: inout Call
    ) async throws {
        let limit = endpoint.limit ?? services.configuration.limits.bodyBytes
        if let announced = request.headers[.contentLength].flatMap(Int.init), announced > limit {
            throw Problem.tooLarge(limit)
        }
        if context.facts.expectsContinue { try checkUnsent(request, endpoint) }
        let bytes: ByteBuffer
        do {
            try await context.askForBody()
            bytes = try await request.body.collect(upTo: limit)
            context.progress.didReadBody(bytes.readableBytes)
        } catch is NIOTooManyBytesError {
            throw Problem.tooLarge(limit)
        } catch HTTPParserError.headerOverflow {
            throw Problem(
                .requestHeaderFieldsTooLarge, Problem.Code.tooLarge, "the trailers of the request are too long")
        } catch {
            // Malformed chunks, or an early end: the end of the request is not known.
            throw Problem.invalid("the body is not as HTTP has it")
        }
        switch endpoint.body {
        case .none:
            guard bytes.readableBytes == 0 else { throw Problem.noBody }
        case .json(_, let isOptional):
            if bytes.readableBytes == 0 {
                guard isOptional else { throw Problem.invalid("the body is missing") }
                return
            }
            try expect("application/json", request)
            do {
                call.json = try JSONReader.read(Array(buffer: bytes))
            } catch {
                throw Problem.invalid("the body is no JSON: \(error.reason)")
            }
        case .car:
            try expect("application/vnd.ipld.car", request)
            call.bytes = Array(buffer: bytes)
        }
    }

    /// The fault of a body that a client has announced and not sent yet.
    private func checkUnsent(_ request: Request, _ endpoint: Endpoint) throws {
        switch endpoint.body {
        case .none: throw Problem.noBody
        case .json: try expect("application/json", request)
        case .car: try expect("application/vnd.ipld.car", request)
        }
    }

    /// A page of another site can send a few media types without a preflight request; ours are not among them.
    private func expect(_ type: String, _ request: Request) throws {
        let given = request.headers[.contentType]?.split(separator: ";").first.map {
            $0.trimmingCharacters(in: .whitespaces).lowercased()
        }
        guard given == type else {
            throw Problem(
                .unsupportedMediaType, Problem.Code.unsupportedMediaType, "the body must be \(type), and say so",
                hint: "Content-Type: \(type)")
        }
    }

    // MARK: Headers

    /// The origin that may read the answer to a page's request (https://fetch.spec.whatwg.org/#http-cors-protocol).
    private func preflight(_ request: Request, methods: [String]) -> Response? {
        guard let origin = request.headers[.origin], origins.contains(origin),
            request.headers[.accessControlRequestMethod] != nil
        else { return nil }
        var headers = HTTPFields()
        headers[.accessControlAllowMethods] = methods.joined(separator: ", ")
        headers[.accessControlAllowHeaders] = "authorization, content-type"
        headers[.accessControlMaxAge] = "600"
        return Response(status: .noContent, headers: headers)
    }

    private func addHeaders(_ response: inout Response, _ request: Request) {
        response.headers[.xContentTypeOptions] = "nosniff"
        if response.headers[.cacheControl] == nil { response.headers[.cacheControl] = "no-store" }
        guard !origins.isEmpty else { return }
        response.headers[.vary] = "Origin"
        if let origin = request.headers[.origin], origins.contains(origin) {
            response.headers[.accessControlAllowOrigin] = origin
        }
    }
}
