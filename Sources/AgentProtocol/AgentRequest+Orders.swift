import FoundationEssentials

/// Requests about orders.
extension AgentRequest {
    /// Makes an order.
    /// - Parameter order: its terms, its type, and what the type asks for.
    public static func createOrder(_ order: AgentNewOrder) -> AgentRequest {
        var request = AgentRequest(.orderCreate)
        request.newOrder = order
        return request
    }

    /// Asks for one page of the orders that the caller may see.
    /// - Parameter count: rows, at most 1,000; 0 means 100.
    /// - Parameter cursor: that of the answer before; "" at the start.
    /// - Parameter filters: `state`, `role`, `type` and `party`, all of which must match; and `sort`.
    /// - Parameter identities: CIDs, one of which must have a part in the order; none: that does not matter.
    public static func listOrders(
        count: UInt32 = 0, cursor: String = "", filters: [(name: String, value: String)] = [],
        of identities: [String] = []
    ) -> AgentRequest {
        var request = AgentRequest.list(.orderList, count: count, cursor: cursor)
        request.filters = filters.map(AgentField.init)
        request.identities = identities
        return request
    }

    /// Shows an order, with its parts.
    /// - Parameter order: the order's CID, its reference, or a beginning of that.
    public static func showOrder(_ order: String) -> AgentRequest { AgentRequest(.orderShow, subject: order) }

    /// Asks for the accepted parts of an order that a part does not continue.
    /// - Parameter part: the CID of that part.
    /// - Parameter count: rows, at most 1,000; 0 means 100.
    /// - Parameter cursor: that of the answer before; "" at the start.
    /// - Parameter identities: CIDs, one of which must have a part in the order; none: that does not matter.
    public static func orderParts(
        after part: String, count: UInt32 = 0, cursor: String = "", of identities: [String] = []
    ) -> AgentRequest {
        var request = AgentRequest.list(.orderParts, count: count, cursor: cursor)
        request.subject = part
        request.identities = identities
        return request
    }

    /// Takes a part of an order in.
    /// - Parameter part: the CID of an envelope that is in the ledger.
    public static func receiveOrderPart(_ part: String) -> AgentRequest { AgentRequest(.orderReceive, subject: part) }

    /// Does the next step of a fiduciary.
    /// - Parameter order: the order's CID, its reference, or a beginning of that.
    /// - Parameter decision: `commit`, `release`, `refuse`, or `resume`, with which a restored order goes on; "": what
    ///   is next.
    /// - Parameter purpose: why it is refused.
    /// - Parameter redemption: the CID of the redemption that was seen: nothing is done if another one is open; "": the
    ///   one that is open.
    public static func fulfilOrder(
        _ order: String, decision: String = "", purpose: String = "", redemption: String = ""
    ) -> AgentRequest {
        var request = AgentRequest(.orderFulfil, subject: order)
        request.redemption = redemption
        request.decision = decision
        request.purpose = purpose
        return request
    }

    /// Asks a fiduciary for the release, or for one use.
    /// - Parameter order: the order's CID, its reference, or a beginning of that.
    /// - Parameter identity: the identity that asks; nil: the caller's only one that may.
    /// - Parameter purpose: the reason, for the fiduciary and the approvers.
    /// - Parameter data: what is to be signed, if the order's key signs: a digest or a message.
    /// - Parameter fields: what a plugin asks of a redemption.
    public static func redeemOrder(
        _ order: String, as identity: String? = nil, purpose: String = "", data: some Sequence<UInt8> = [],
        fields: [(name: String, value: String)] = []
    ) -> AgentRequest {
        var request = AgentRequest(.orderRedeem, subject: order, data: data)
        if let identity { request.identities = [identity] }
        request.purpose = purpose
        request.requestFields = fields.map(AgentField.init)
        return request
    }

    /// Decides about a redemption as an approver.
    /// - Parameter order: the order's CID, its reference, or a beginning of that.
    /// - Parameter identity: the identity that decides; nil: the caller's only one that may and has not decided.
    /// - Parameter decision: `approve` or `reject`.
    /// - Parameter redemption: its CID; "": the open one, if there is no other.
    /// - Parameter use: its number; 0: the open one.
    /// - Parameter expires: until when the decision counts, in Unix seconds; 0: a day from now.
    public static func decideOnOrder(
        _ order: String, as identity: String? = nil, decision: String, redemption: String = "", use: UInt32 = 0,
        expires: Int64 = 0
    ) -> AgentRequest {
        var request = AgentRequest(.orderApprove, subject: order)
        request.redemption = redemption
        if let identity { request.identities = [identity] }
        request.decision = decision
        request.use = use
        request.expires = expires
        return request
    }

    /// Reads what was released to the caller.
    /// - Parameter order: the order's CID, its reference, or a beginning of that.
    /// - Parameter use: the number of the use; 0: the last one.
    public static func orderResult(_ order: String, use: UInt32 = 0) -> AgentRequest {
        var request = AgentRequest(.orderResult, subject: order)
        request.use = use
        return request
    }

    /// Destroys the secret of an order, for ever.
    /// - Parameter order: the order's CID, its reference, or a beginning of that.
    public static func destroyOrder(_ order: String) -> AgentRequest { AgentRequest(.orderDestroy, subject: order) }

    /// Asks about the keys under which the secrets of orders are sealed. For administrators.
    /// - Parameter decision: `destroy` or `renew`; "": only list them.
    /// - Parameter epoch: the number of the one to destroy.
    public static func orderEpochs(decision: String = "", epoch: String = "") -> AgentRequest {
        var request = AgentRequest(.orderEpochs, subject: epoch)
        request.decision = decision
        return request
    }

    /// Encrypts the secret that an order safeguards to the fiduciary's commitment.
    /// - Parameter order: the order's CID, its reference, or a beginning of that.
    /// - Parameter secret: up to 128 KiB.
    /// - Parameter contentType: its media type; "" means application/octet-stream.
    public static func depositForOrder(
        _ order: String, secret: some Sequence<UInt8>, contentType: String = ""
    ) -> AgentRequest {
        var request = AgentRequest(.orderDeposit, subject: order, data: secret)
        request.contentType = contentType
        return request
    }

    /// Publishes shares, so that wallets can be ordered for an identity while it is away.
    /// - Parameter identity: an own one: a name or a CID.
    /// - Parameter count: how many, 1 to 100.
    public static func publishWalletShares(_ identity: String, count: UInt32) -> AgentRequest {
        var request = AgentRequest(.walletPublishShares, subject: identity)
        request.count = count
        return request
    }

    /// Asks for the private key of a wallet that was released to the caller.
    /// - Parameter order: the order's CID, its reference, or a beginning of that.
    public static func exportWallet(_ order: String) -> AgentRequest { AgentRequest(.walletExport, subject: order) }
}

extension AgentField {
    /// - Parameter name: the field's.
    /// - Parameter value: its text.
    public init(name: String, value: String) {
        self.init()
        self.name = name
        self.value = value
    }
}
