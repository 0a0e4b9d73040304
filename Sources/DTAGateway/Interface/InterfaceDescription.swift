import DTAJSON
import DTASystem
import Hummingbird

/// `GET /openapi.json`: OpenAPI 3.1 (https://spec.openapis.org/oas/v3.1.1), made of the endpoints that the server has.
enum InterfaceDescription {
    static func make(_ endpoints: [Endpoint], _ configuration: GatewayConfiguration) -> JSONValue {
        var paths: [(String, [(String, JSONValue)])] = []
        for endpoint in endpoints {
            let operation = (endpoint.method.rawValue.lowercased(), operation(endpoint, configuration))
            if let index = paths.firstIndex(where: { $0.0 == endpoint.path }) {
                paths[index].1.append(operation)
            } else {
                paths.append((endpoint.path, [operation]))
            }
        }
        return .members([
            ("openapi", "3.1.0"),
            (
                "info",
                [
                    "title": "D-TA gateway", "version": .string(Version.current),
                    "description":
                        "A custody agent's REST interface, with the paths and names of Milagro D-TA 0.1. Names in bodies are read in any case of letters.",
                    "license": ["name": "Apache 2.0", "identifier": "Apache-2.0"],
                ]
            ),
            ("servers", [["url": "/"]]),
            ("paths", .object(paths.map { .init($0.0, .object($0.1.map { .init($0.0, $0.1) })) })),
            (
                "components",
                .members([
                    ("schemas", Schemas.all),
                    ("securitySchemes", configuration.authentication.none ? nil : schemes(configuration)),
                ])
            ),
        ])
    }

    private static func schemes(_ configuration: GatewayConfiguration) -> JSONValue {
        .members([
            (
                "bearer",
                configuration.authentication.token == nil
                    ? nil : ["type": "http", "scheme": "bearer", "bearerFormat": "JWT"]
            ),
            ("peer", configuration.tls?.peers == nil ? nil : ["type": "mutualTLS"]),
        ])
    }

    private static func operation(_ endpoint: Endpoint, _ configuration: GatewayConfiguration) -> JSONValue {
        .members([
            ("operationId", .string(endpoint.name)), ("summary", .string(endpoint.summary)),
            ("description", .text(endpoint.text)), ("tags", [.string(endpoint.tag)]),
            ("security", security(endpoint, configuration)),
            ("parameters", endpoint.parameters.isEmpty ? nil : .array(endpoint.parameters.map(parameter))),
            ("requestBody", body(endpoint.body)),
            ("responses", .object(endpoint.statuses.map { .init("\($0.code)", answer(endpoint, $0)) })),
        ])
    }

    private static func security(_ endpoint: Endpoint, _ configuration: GatewayConfiguration) -> JSONValue? {
        guard !configuration.authentication.none else { return nil }
        var ways: [JSONValue] = []
        switch endpoint.access {
        case .everybody: return nil
        case .clients: break
        case .peers: if configuration.tls?.peers != nil { ways.append(["peer": []]) }
        }
        if configuration.authentication.token != nil { ways.insert(["bearer": []], at: 0) }
        return .array(ways)
    }

    private static func parameter(_ parameter: Endpoint.Parameter) -> JSONValue {
        let schema: JSONValue
        switch parameter.kind {
        case .text(let rule): schema = rule.schema
        case .integer(let range, let standard):
            schema = [
                "type": "integer", "minimum": .integer(range.lowerBound), "maximum": .integer(range.upperBound),
                "default": .integer(standard),
            ]
        case .choice(let choices, let standard):
            schema = ["type": "string", "enum": .array(choices.map { .string($0) }), "default": .string(standard)]
        }
        return .members([
            ("name", .string(parameter.name)), ("in", .string(parameter.place.rawValue)),
            ("required", .bool(parameter.place == .path)), ("description", .string(parameter.text)), ("schema", schema),
        ])
    }

    private static func body(_ body: Endpoint.Body) -> JSONValue? {
        switch body {
        case .none: nil
        case .json(let schema, let isOptional):
            [
                "required": .bool(!isOptional),
                "content": ["application/json": ["schema": reference(schema)]],
            ]
        case .car: ["required": true, "content": ["application/vnd.ipld.car": ["schema": [:]]]]
        }
    }

    private static func answer(_ endpoint: Endpoint, _ status: HTTPResponse.Status) -> JSONValue {
        guard let answer = endpoint.answers.first(where: { $0.status == status }) else {
            return [
                "description": .string(why(status)), "content": ["application/json": ["schema": reference("Error")]],
            ]
        }
        if status == .noContent { return ["description": .string(answer.text)] }
        let schema = answer.schema.map(reference) ?? (answer.type.hasSuffix("json") ? ["type": "object"] : [:])
        let headers = answer.header.map { header -> JSONValue in
            .object([
                .init(header.name, ["description": .string(header.text), "schema": header.rule.schema])
            ])
        }
        return .members([
            ("description", .string(answer.text)), ("headers", headers),
            ("content", .object([.init(answer.type, ["schema": schema])])),
        ])
    }

    private static func reference(_ name: String) -> JSONValue { ["$ref": .string("#/components/schemas/\(name)")] }

    private static func why(_ status: HTTPResponse.Status) -> String {
        switch status {
        case .badRequest: "The request is wrong."
        case .unauthorized: "No valid credential."
        case .forbidden: "The client, or the gateway, may not do this."
        case .notFound: "There is no such thing here."
        case .conflict: "The state does not allow it."
        case .contentTooLarge: "The body is too large."
        case .unsupportedMediaType: "The body is of another type."
        case .tooManyRequests: "Too many requests, or a bound of the agent's was reached."
        case .serviceUnavailable: "The agent or its HSM is away, or too much is under way. Try again later."
        default: status.reasonPhrase
        }
    }
}
