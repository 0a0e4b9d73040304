import AgentProtocol

/// Blocks.
enum LedgerOperations {
    static let all = [put, get, list, status, collect]

    private static let put = Operation(
        .ledgerPut, "ledger.put", isSynced: false, answersSecret: false, isAboutTheAgent: false, detail: .none,
        begins: .lane(.durable),
        reads: { (data: $0.data, contentType: $0.contentType) },
        calls: { call, block in
            call.done {
                let cid = try call.agent.ledger.put(
                    call.caller, data: [UInt8](block.data), contentType: block.contentType)
                $0.cid = cid.description
            }
        })

    private static let get = Operation(
        .ledgerGet, "ledger.get", isSynced: false, answersSecret: false, isAboutTheAgent: false, detail: .none,
        begins: .bringingBlocks(.reading, localOnly: { $0.localOnly }),
        reads: { $0.subject },
        calls: { call, subject in
            let (cid, data) = try call.agent.ledger.block(subject)
            return call.answer {
                $0.cid = cid.description
                $0.data = data
            }
        })

    private static let list = Operation(
        .ledgerList, "ledger.list", isSynced: false, answersSecret: false, isAboutTheAgent: false, detail: .none,
        begins: .lane(.reading),
        reads: { $0.page },
        calls: { call, asked in
            call.done {
                let page = try call.agent.ledger.list(count: asked.count, cursor: asked.cursor)
                $0.blocks = page.items.map(AgentBlock.init)
                $0.cursor = page.cursor
            }
        })

    private static let status = Operation(
        .ledgerStatus, "ledger.status", isSynced: false, answersSecret: false, isAboutTheAgent: false, detail: .none,
        begins: .lane(.reading),
        reads: { (block: $0.subject, page: $0.page) },
        calls: { call, asked in
            let ledger = call.agent.ledger
            return call.done {
                $0.fields = fields(try ledger.nodeStatus())
                if asked.block.isEmpty {
                    let page = try ledger.unfinished(count: asked.page.count, cursor: asked.page.cursor)
                    $0.publications = page.items.map(AgentPublication.init)
                    $0.cursor = page.cursor
                } else {
                    $0.publications = [AgentPublication(try ledger.publication(asked.block))]
                }
            }
        })

    private static let collect = Operation(
        .ledgerGc, "ledger.gc", isSynced: true, answersSecret: false, isAboutTheAgent: false, detail: .none,
        begins: .lane(.asking),
        reads: { (dryRun: $0.dryRun, cursor: $0.cursor) },
        calls: { call, asked in
            call.done {
                let round = try call.agent.ledger.collect(call.caller, dryRun: asked.dryRun, cursor: asked.cursor)
                $0.fields = fields([
                    ("dropped", "\(round.dropped)"), ("bytes", "\(round.bytes)"), ("kept", "\(round.kept)"),
                ])
                $0.cursor = round.cursor
            }
        })
}
