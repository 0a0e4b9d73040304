import AgentProtocol

/// The beneficiary's shares of wallets.
enum WalletOperations {
    static let all = [publish, list, export]

    private static let publish = Operation(
        .walletPublishShares, "wallet.publish", isSynced: true, answersSecret: false, isAboutTheAgent: false,
        detail: .none, begins: .lane(.reading),
        reads: { (identity: $0.subject, count: $0.count) },
        calls: { call, asked in
            call.slow(try call.agent.orders.publishShares(call.caller, asked.identity, count: asked.count)) {
                $1.cid = $0.cid.description
                $1.shares = $0.shares.map(AgentWalletShare.init)
            }
        })

    private static let list = Operation(
        .walletListShares, "wallet.list", isSynced: false, answersSecret: false, isAboutTheAgent: false, detail: .none,
        begins: .lane(.reading),
        reads: { $0.page },
        calls: { call, asked in
            call.done {
                let page = try call.agent.orders.listShares(call.caller, count: asked.count, cursor: asked.cursor)
                $0.shares = page.items.map(AgentWalletShare.init)
                $0.cursor = page.cursor
            }
        })

    private static let export = Operation(
        .walletExport, "wallet.export", isSynced: true, answersSecret: true, isAboutTheAgent: false, detail: .none,
        begins: .bringingBlocks(.reading),
        reads: { $0.subject },
        calls: { call, order in
            let step = try call.agent.orders.export(call.caller, order)
            return call.slow(step) { $1.set($0) }
        })
}
