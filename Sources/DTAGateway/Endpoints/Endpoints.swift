import Hummingbird

/// All endpoints of the gateway, in the order of its description.
enum Endpoints {
    /// The endpoints of a type of node.
    static func of(_ node: GatewayConfiguration.Node) -> [Endpoint] { all.filter { $0.nodes.contains(node) } }

    static let all = nodes + identities + orders + fulfilment + couriers + pages

    private static let page: [Endpoint.Parameter] = [
        .init(name: "page", place: .query, kind: .integer(0...1000, standard: 0), text: "The page's number, from 0."),
        .init(name: "perPage", place: .query, kind: .integer(1...100, standard: 100), text: "Entries on a page."),
        .init(
            name: "sortBy", place: .query,
            kind: .choice(["dateCreatedAsc", "dateCreatedDesc"], standard: "dateCreatedDesc"),
            text: "Oldest or newest first."),
    ]

    private static let nodes: [Endpoint] = [
        Endpoint(
            method: .get, path: "/v1/status", name: "status", summary: "What this node is", tag: "node",
            access: .peers, answers: [.init(status: .ok, text: "The node.", schema: "Status")]
        ) { try await $0.status($1) },
        Endpoint(
            method: .get, path: "/healthz", name: "health", summary: "Whether the gateway answers", tag: "node",
            access: .everybody, isCounted: false,
            answers: [.init(status: .ok, text: "It does.", schema: "Health")]
        ) { try await $0.health($1) },
        Endpoint(
            method: .get, path: "/readyz", name: "readiness",
            summary: "Whether requests can be done: the agent and its HSM answer, tokens can be verified", tag: "node",
            access: .everybody, isCounted: false,
            answers: [.init(status: .ok, text: "They can.", schema: "Health")],
            problems: [.conflict]
        ) { try await $0.readiness($1) },
    ]

    private static let identities: [Endpoint] = [
        Endpoint(
            method: .post, path: "/v1/identity", name: "createIdentity", summary: "Make an identity",
            text:
                "Its keys stay in the agent's HSM, and it belongs to the gateway's user there. A token for an identity cannot make another.",
            tag: "identity", access: .clients, body: .json("IdentityRequest", isOptional: true),
            answers: [.init(status: .ok, text: "It is made.", schema: "IdentityMade")], problems: [.conflict]
        ) { try await $0.createIdentity($1) },
        Endpoint(
            method: .get, path: "/v1/identity", name: "listIdentities", summary: "The identities that are known here",
            tag: "identity", access: .clients, parameters: page,
            answers: [.init(status: .ok, text: "One page of them.", schema: "IdentityList")]
        ) { try await $0.listIdentities($1) },
        Endpoint(
            method: .get, path: "/v1/identity/{IDDocumentCID}", name: "showIdentity", summary: "One identity",
            tag: "identity", access: .clients,
            parameters: [.init(name: "IDDocumentCID", place: .path, kind: .text(.cid), text: "Its document's CID.")],
            answers: [.init(status: .ok, text: "The identity with its document.", schema: "Identity")],
            problems: [.notFound, .conflict]
        ) { try await $0.showIdentity($1) },
    ]

    private static let orders: [Endpoint] = [
        Endpoint(
            method: .post, path: "/v1/order", name: "createOrder", summary: "Make an order to a fiduciary",
            text:
                "If the fiduciary's gateway is known, the order is carried there at once. The answer has the commitment if the fiduciary commits at once.",
            tag: "order", nodes: [.multi, .principal], access: .clients, body: .json("OrderRequest"),
            answers: [.init(status: .ok, text: "The order.", schema: "Order")], problems: [.notFound, .conflict]
        ) { try await $0.createOrder($1) },
        Endpoint(
            method: .get, path: "/v1/order", name: "listOrders", summary: "The orders in which the gateway has a role",
            tag: "order", access: .clients, parameters: page,
            answers: [.init(status: .ok, text: "One page of them.", schema: "OrderList")]
        ) { try await $0.listOrders($1) },
        Endpoint(
            method: .get, path: "/v1/order/{OrderReference}", name: "showOrder", summary: "One order with its parts",
            tag: "order", access: .clients,
            parameters: [
                .init(name: "OrderReference", place: .path, kind: .text(.order), text: "Its reference or its CID.")
            ], answers: [.init(status: .ok, text: "The order.", schema: "OrderWithParts")],
            problems: [.notFound, .conflict]
        ) { try await $0.showOrder($1) },
        Endpoint(
            method: .post, path: "/v1/order/secret", name: "orderSecret", summary: "Redeem an order",
            text:
                "Closed (403) unless orders.release_secrets is true: the secret passes through the gateway. 409 while it is not released.",
            tag: "order", nodes: [.multi, .principal], access: .clients, body: .json("SecretRequest"),
            answers: [.init(status: .ok, text: "The secret.", schema: "Secret")], problems: [.notFound, .conflict]
        ) { try await $0.orderSecret($1) },
    ]

    private static let fulfilment: [Endpoint] = [
        Endpoint(
            method: .post, path: "/v1/fulfill/order", name: "fulfillOrder", summary: "Bring an order to its fiduciary",
            text: "409 while it waits for a decision of the fiduciary.", tag: "fulfilment",
            nodes: [.multi, .fiduciary],
            access: .peers, body: .json("FulfillRequest"), limit: fulfilmentLimit,
            answers: [.init(status: .ok, text: "The commitment.", schema: "Fulfilled")],
            problems: [.notFound, .conflict]
        ) { try await $0.fulfilOrder($1) },
        Endpoint(
            method: .post, path: "/v1/fulfill/order/secret", name: "fulfillOrderSecret",
            summary: "Bring a redemption to its fiduciary",
            text: "409 while it waits for approvals, a time, or a decision of the fiduciary.",
            tag: "fulfilment", nodes: [.multi, .fiduciary], access: .peers, body: .json("FulfillSecretRequest"),
            limit: fulfilmentLimit, answers: [.init(status: .ok, text: "The release.", schema: "SecretFulfilled")],
            problems: [.notFound, .conflict]
        ) { try await $0.fulfilSecret($1) },
    ]

    /// A CAR in base64, with the members around it. Larger CARs go to /v1/courier.
    private static let fulfilmentLimit = (1 << 20) + (16 << 10)

    private static let couriers: [Endpoint] = [
        Endpoint(
            method: .post, path: "/v1/courier", name: "bring", summary: "Bring parts of orders",
            text: "A CAR whose roots are the parts, with their history and the identities' documents, up to 16 MiB.",
            tag: "courier", access: .peers, body: .car, limit: 16 << 20,
            answers: [
                .init(status: .ok, text: "A CAR with parts that answer them.", type: "application/vnd.ipld.car"),
                .init(status: .noContent, text: "They are taken in, and have no answer yet."),
            ], problems: [.notFound, .conflict]
        ) { try await $0.receiveCAR($1) },
        Endpoint(
            method: .get, path: "/v1/courier/{PartCID}", name: "fetch",
            summary: "Fetch the accepted parts of an order that came after one",
            text:
                "At most 500 parts and 16 MiB. If there are more, the header DTA-Cursor has the cursor for the next request. HEAD tells whether a part is known (200, 204) or not (404).",
            tag: "courier", access: .peers,
            parameters: [
                .init(name: "PartCID", place: .path, kind: .text(.cid), text: "The CID of a known part."),
                .init(
                    name: "cursor", place: .query, kind: .text(.cursor), text: "The DTA-Cursor of the answer before."),
            ],
            answers: [
                .init(
                    status: .ok, text: "A CAR with those parts.", type: "application/vnd.ipld.car",
                    header: ("DTA-Cursor", "If there are more: the cursor for the next request.", .cursor)),
                .init(status: .noContent, text: "Nothing came after it."),
            ], problems: [.notFound, .conflict]
        ) { try await $0.partsAfter($1) },
        Endpoint(
            method: .get, path: "/v1/courier/identity/{IDDocumentCID}", name: "fetchIdentity",
            summary: "Fetch an identity of this host, with its line",
            text:
                "A CAR with its document, those that it replaced or that replaced it, and revocations. It is public and needs no authentication. The client verifies it by the CID. Identities of other hosts are 404.",
            tag: "courier", access: .everybody,
            parameters: [.init(name: "IDDocumentCID", place: .path, kind: .text(.cid), text: "Its document's CID.")],
            answers: [.init(status: .ok, text: "A CAR with the identity.", type: "application/vnd.ipld.car")],
            problems: [.notFound, .conflict]
        ) { try await $0.fetchIdentity($1) },
    ]

    private static let pages: [Endpoint] = [
        Endpoint(
            method: .get, path: "/openapi.json", name: "openapi", summary: "This description", tag: "description",
            access: .everybody, answers: [.init(status: .ok, text: "OpenAPI 3.1.")]
        ) { try await $0.describe($1) },
        file("/docs", "docs", "A page to read and try all this", DocumentationPage.page, "text/html"),
        file("/docs/docs.css", "docsStyle", "The page's style", DocumentationPage.style, "text/css"),
        file("/docs/docs.js", "docsScript", "The page's script", DocumentationPage.script, "text/javascript"),
    ]

    private static func file(
        _ path: String, _ name: String, _ summary: String, _ bytes: [UInt8], _ type: String
    ) -> Endpoint {
        Endpoint(
            method: .get, path: path, name: name, summary: summary, tag: "description", access: .everybody,
            answers: [.init(status: .ok, text: "The file.", type: type)]
        ) { _, _ in
            var reply = Reply(bytes, type: "\(type); charset=utf-8")
            reply.headers[.contentSecurityPolicy] = DocumentationPage.policy
            return reply
        }
    }
}
