import DTASystem

/// What helps against an error, as a client over HTTP does it. It names members of requests, paths and keys of
/// `dtagw.yaml`, and never a command line, which such a client has not got.
enum HintText {
    static func of(_ hint: Hint) -> String {
        switch hint.code {
        case .nameFiduciary: "Fiduciary in the body, or orders.fiduciary in dtagw.yaml"
        case .namePrincipal: "Principal in the body, or orders.principal in dtagw.yaml"
        case .nameRedeemers: "Redeemers in the body"
        case .nameActor: "BeneficiaryIDDocumentCID in the body says as which identity"
        case .giveField: "Extension.\(hint.subject) in the body"
        case .showOrder, .receiveDeposit: "GET /v1/order/\(hint.subject) tells how far it is"
        case .makeIdentity, .makeRecoverableIdentity: "POST /v1/identity makes a new one"
        case .listIdentities: "GET /v1/identity lists those that are known here"
        case .receivePart, .importIdentity, .importAgain:
            "POST /v1/courier takes in parts of orders, with what they need"
        case .nameSocket: "is dtad running? agent: in dtagw.yaml names its socket"
        case .waitLonger: "the request may still be done: see what it did before you repeat it"
        default: hint.code.sentence(hint.subject)
        }
    }
}
