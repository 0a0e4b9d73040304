import DTAFormats
import DTAJSON

/// The shapes of bodies, as JSON Schema (2020-12, which OpenAPI 3.1 uses).
enum Schemas {
    static let all: JSONValue = [
        "Error": object(
            [
                (
                    "error",
                    object([("code", code), ("message", text), ("hint", text)], required: ["code", "message", "hint"])
                )
            ],
            required: ["error"]),
        "Status": object(
            [
                ("application", ["type": "string", "const": "D-TA"]),
                ("apiVersion", ["type": "string", "const": "v1"]),
                ("extensionVendor", ["type": "string", "const": "D-TA"]),
                ("version", text), ("timeStamp", ["type": "string", "format": "date-time"]),
                ("nodeType", ["type": "string", "enum": ["multi", "principal", "fiduciary"]]),
                ("nodeCID", TextRule.cid.schema), ("plugin", described(text, "The types of orders, with commas.")),
            ], required: ["application", "apiVersion", "extensionVendor", "version", "timeStamp", "nodeType"]),
        "Health": object([("Status", text)], required: ["Status"]),

        "IdentityRequest": object([("Name", newName), ("Extension", nothing)]),
        "IdentityMade": object([("IDDocumentCID", TextRule.cid.schema)], required: ["IDDocumentCID"]),
        "IdentityList": object(
            [("IDDocumentList", list(object(identity, required: identityRequired)))], required: ["IDDocumentList"]),
        "Identity": object(
            identity + [("Document", described(TextRule.base64.schema, "The signed document, DAG-CBOR in base64."))],
            required: identityRequired + ["Document"]),

        "OrderRequest": object([
            ("BeneficiaryIDDocumentCID", TextRule.orNone(.identity).schema),
            ("Extension", described(givenFields, "What the type of order asks for.")),
            ("Type", described(TextRule.type.schema, "secret, unless this or dtagw.yaml says otherwise.")),
            ("Fiduciary", described(TextRule.identity.schema, "Needed if dtagw.yaml names none.")),
            ("Principal", TextRule.identity.schema),
            (
                "Redeemers",
                described(
                    identities,
                    "Who may ask for the release; by default the beneficiary if there is one, else the principal.")
            ),
            (
                "Recipient",
                described(TextRule.identity.schema, "Who gets the result: the beneficiary, else the principal.")
            ),
            ("Approvers", identities), ("Approvals", integer(0, 16)),
            ("NotBefore", seconds), ("NotAfter", seconds), ("MaxUses", integer(1, 1_000_000)),
        ]),
        "Order": object(order, required: orderRequired),
        "OrderList": object(
            [("OrderReference", list(text)), ("OrderList", list(object(order, required: orderRequired)))],
            required: ["OrderReference", "OrderList"]),
        "OrderWithParts": object(
            order + [
                ("Redeemers", list(text)), ("Recipient", text), ("Approvers", list(text)), ("Approvals", number),
                ("Approved", number), ("NotBefore", number), ("NotAfter", number), ("MaxUses", number),
                ("Uses", number),
                ("Reason", text),
                (
                    "Order",
                    described(
                        object([("Order", text), ("TimeStamp", number)], required: ["Order", "TimeStamp"]),
                        "The order's own members, without its parts, as a text in JSON; and when it was made.")
                ),
                (
                    "Parts",
                    list(
                        object(
                            [
                                ("CID", text), ("Kind", words(OrderPartKind.self)), ("Use", number), ("From", text),
                                ("To", list(text)),
                                ("Previous", text), ("CreatedAt", number), ("ReceivedAt", number),
                                ("Status", words(OrderPartStatus.self)),
                                ("Reason", text),
                                (
                                    "Decision",
                                    described(
                                        text,
                                        "Of a part whose Kind is approval: approve or reject; absent: the agent cannot open it."
                                    )
                                ),
                            ], required: ["CID", "Kind", "CreatedAt", "ReceivedAt"]))
                ),
            ], required: orderRequired + ["Order", "Uses", "Parts"]),
        "SecretRequest": object(
            [
                ("OrderReference", TextRule.order.schema),
                (
                    "BeneficiaryIDDocumentCID",
                    described(TextRule.orNone(.identity).schema, "The identity that redeems.")
                ),
                ("Purpose", TextRule.purpose.schema),
                ("Extension", described(givenFields, "What the type asks of a redemption.")),
            ], required: ["OrderReference"]),
        "Secret": object(
            [
                ("Secret", hexadecimal), ("Commitment", hexadecimal), ("OrderReference", text), ("Extension", fields),
            ], required: ["Secret", "OrderReference", "Extension"]),

        "FulfillRequest": fulfilment("OrderPart1CID", of: "principal"),
        "Fulfilled": object(
            [("OrderPart2CID", TextRule.cid.schema), ("CAR", TextRule.base64.schema)], required: ["OrderPart2CID"]),
        "FulfillSecretRequest": fulfilment("OrderPart3CID", of: "redeemer"),
        "SecretFulfilled": object(
            [("OrderPart4CID", TextRule.cid.schema), ("CAR", TextRule.base64.schema)], required: ["OrderPart4CID"]),
    ]

    /// A part, and the CID of its sender's document.
    private static func fulfilment(_ part: String, of sender: String) -> JSONValue {
        let document = described(
            TextRule.orNone(.cid).schema,
            "The \(sender)'s document: routing, never authority. One of these names, or both.")
        return object(
            [
                (part, TextRule.cid.schema), ("DocumentCID", document), ("SenderDocumentCID", document),
                ("CAR", described(TextRule.base64.schema, "The part with its history, if there is no common IPFS.")),
                ("Extension", nothing),
            ], required: [part])
    }

    private static let text: JSONValue = ["type": "string"]
    private static let number: JSONValue = ["type": "integer"]
    private static func words<Word: CaseIterable & RawRepresentable<String>>(_: Word.Type) -> JSONValue {
        ["type": "string", "enum": .array(Word.allCases.map { .string($0.rawValue) })]
    }
    private static let seconds = described(integer(0, 1 << 40), "Unix seconds; 0: no bound.")
    private static let hexadecimal: JSONValue = ["type": "string", "pattern": "^([0-9a-f]{2})*$"]
    private static let identities: JSONValue = [
        "type": "array", "maxItems": 16, "items": TextRule.identity.schema,
    ]
    private static let fields: JSONValue = [
        "type": "object", "maxProperties": 32, "propertyNames": TextRule.fieldName.schema,
        "additionalProperties": TextRule.fieldValue.schema,
    ]
    /// As clients may write them: names in any case of letters.
    private static let givenFields: JSONValue = [
        "type": "object", "maxProperties": 32, "propertyNames": TextRule.givenFieldName.schema,
        "additionalProperties": TextRule.fieldValue.schema,
    ]
    private static let nothing: JSONValue = described(
        ["type": "object", "maxProperties": 0], "Has no members: it is there for programs that always send it.")
    private static let code: JSONValue = [
        "type": "string",
        "enum": [
            "INVALID_ARGUMENT", "NOT_FOUND", "PERMISSION_DENIED", "UNAVAILABLE", "RESOURCE_EXHAUSTED",
            "FAILED_PRECONDITION", "DATA_LOSS", "INTERNAL", "UNAUTHENTICATED", "TOO_LARGE", "METHOD_NOT_ALLOWED",
            "UNSUPPORTED_MEDIA_TYPE", "EXPECTATION_FAILED", "NOT_IMPLEMENTED", "VERSION_NOT_SUPPORTED",
        ],
    ]
    private static let identity: [(String, JSONValue)] = [
        ("IDDocumentCID", TextRule.cid.schema), ("Name", text), ("Alias", text), ("Timestamp", number),
        ("Own", ["type": "boolean"]), ("Standing", words(Standing.Kind.self)), ("Trust", words(Trust.self)),
        ("Successor", text), ("Previous", text),
    ]
    private static let identityRequired: [String] = ["IDDocumentCID", "Timestamp", "Own"]
    private static let order: [(String, JSONValue)] = [
        ("OrderReference", text), ("OrderCID", text), ("Commitment", hexadecimal), ("CreatedAt", number),
        ("UpdatedAt", number), ("Type", text), ("State", words(OrderState.self)), ("Next", text),
        ("NextStep", described(words(NextOrderStep.self), "What is next, for programs; Next says it to people.")),
        ("Principal", text),
        ("Fiduciary", text),
        ("BeneficiaryIDDocumentCID", text), ("Extension", ["type": "object", "additionalProperties": text]),
    ]
    private static let orderRequired: [String] = ["OrderReference", "OrderCID", "CreatedAt", "UpdatedAt", "Extension"]

    private static func object(_ members: [(String, JSONValue)], required: [String] = []) -> JSONValue {
        .members([
            ("type", "object"), ("properties", .object(members.map { .init($0, $1) })),
            ("required", required.isEmpty ? nil : .array(required.map { .string($0) })),
            ("additionalProperties", false),
        ])
    }

    private static func list(_ items: JSONValue) -> JSONValue { ["type": "array", "items": items] }

    private static func integer(_ least: Int64, _ most: Int64) -> JSONValue {
        ["type": "integer", "minimum": .integer(least), "maximum": .integer(most)]
    }

    /// The agent's own identity has a reserved name.
    private static var newName: JSONValue {
        let text = "Made up if it is left out. The agent's own identity is called agent."
        guard case .object(let members) = described(TextRule.name.schema, text) else { return .null }
        return .object(members + [.init("not", ["const": "agent"])])
    }

    private static func described(_ schema: JSONValue, _ text: String) -> JSONValue {
        guard case .object(let members) = schema else { return schema }
        return .object(members.filter { $0.name != "description" } + [.init("description", .string(text))])
    }
}
