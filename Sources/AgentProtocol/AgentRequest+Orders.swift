import FoundationEssentials

/// Requests about orders. `order` is everywhere an order's CID, its reference, or a beginning of that.
extension AgentRequest {
    public static func createOrder(_ order: AgentNewOrder) -> AgentRequest {
        var request = AgentRequest(.orderCreate)
        request.newOrder = order
        return request
    }

    /// - Parameters:
    ///   - filters: all of which must match: state, role, type, party; and sort.
    ///   - identities: CIDs, one of which must have a part in it; none: that does not matter.
    public static func listOrders(
        count: UInt32 = 0, cursor: String = "", filters: [(name: String, value: String)] = [],
        of identities: [String] = []
    ) -> AgentRequest {
        var request = AgentRequest.list(.orderList, count: count, cursor: cursor)
        request.filters = filters.map(AgentField.init)
        request.identities = identities
        return request
    }

    public static func showOrder(_ order: String) -> AgentRequest { AgentRequest(.orderShow, subject: order) }

    /// - Parameter identities: CIDs, one of which must have a part in the order; none: that does not matter.
    public static func orderParts(
        after part: String, count: UInt32 = 0, cursor: String = "", of identities: [String] = []
    ) -> AgentRequest {
        var request = AgentRequest.list(.orderParts, count: count, cursor: cursor)
        request.subject = part
        request.identities = identities
        return request
    }

    /// - Parameter part: the CID of an envelope that is in the ledger.
    public static func receiveOrderPart(_ part: String) -> AgentRequest { AgentRequest(.orderReceive, subject: part) }

    /// - Parameters:
    ///   - decision: commit, release, refuse; resume: an order that was restored goes on; "": whatever is next.
    ///   - purpose: why it is refused.
    ///   - redemption: its CID: nothing is done where another one is open; "": whichever is.
    public static func fulfilOrder(
        _ order: String, decision: String = "", purpose: String = "", redemption: String = ""
    ) -> AgentRequest {
        var request = AgentRequest(.orderFulfil, subject: order)
        request.redemption = redemption
        request.decision = decision
        request.purpose = purpose
        return request
    }

    /// - Parameters:
    ///   - identity: as whom; nil: the only one of the caller's that may.
    ///   - data: what a use is about: a digest or a message.
    ///   - fields: what a plugin asks of a redemption.
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

    /// - Parameters:
    ///   - decision: approve or reject.
    ///   - redemption: its CID; "": the open one, where there is no other.
    ///   - use: which one; 0: the open one.
    ///   - expires: Unix seconds; 0: a day from now.
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

    /// - Parameter use: 0: the last one.
    public static func orderResult(_ order: String, use: UInt32 = 0) -> AgentRequest {
        var request = AgentRequest(.orderResult, subject: order)
        request.use = use
        return request
    }

    public static func destroyOrder(_ order: String) -> AgentRequest { AgentRequest(.orderDestroy, subject: order) }

    /// - Parameters: `decision`: destroy, renew; "": only tells of them; `epoch`: the number of the one to destroy.
    public static func orderEpochs(decision: String = "", epoch: String = "") -> AgentRequest {
        var request = AgentRequest(.orderEpochs, subject: epoch)
        request.decision = decision
        return request
    }

    /// - Parameter secret: up to 128 KiB.
    public static func depositForOrder(
        _ order: String, secret: some Sequence<UInt8>, contentType: String = ""
    ) -> AgentRequest {
        var request = AgentRequest(.orderDeposit, subject: order, data: secret)
        request.contentType = contentType
        return request
    }

    /// - Parameters: `identity`: an own one; `count`: 1 to 100.
    public static func publishWalletShares(_ identity: String, count: UInt32) -> AgentRequest {
        var request = AgentRequest(.walletPublishShares, subject: identity)
        request.count = count
        return request
    }

    public static func exportWallet(_ order: String) -> AgentRequest { AgentRequest(.walletExport, subject: order) }
}

extension AgentField {
    public init(name: String, value: String) {
        self.init()
        self.name = name
        self.value = value
    }
}
