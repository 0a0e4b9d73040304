import AgentProtocol
import ArgumentParser
import DTASystem

struct LedgerGCCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gc", abstract: "Drop the bytes of blocks that the IPFS node has pinned. For administrators.",
        discussion: """
            Each block is asked for before it is dropped here; identities and revocations always stay. What was dropped is
            brought back from the node when it is needed.

            Example:
              dtactl ledger gc --dry-run
            """)

    @Flag(help: "Only tell what would be dropped.")
    var dryRun = false

    @OptionGroup var agent: AgentOptions

    func run() throws {
        let client = agent.connect()
        var totals: [String: Int64] = [:]
        var cursor = ""
        repeat {
            // A round ends after some 10 s, unless the node hangs.
            let answer = try client.call(.collectGarbage(dryRun: dryRun, cursor: cursor), timeout: .seconds(120))
            for field in answer.fields { totals[field.name, default: 0] += Int64(field.value) ?? 0 }
            cursor = answer.cursor
        } while !cursor.isEmpty
        let (dropped, bytes, kept) = (totals["dropped"] ?? 0, totals["bytes"] ?? 0, totals["kept"] ?? 0)
        if agent.json {
            return try JSON.object([
                ("dry_run", .bool(dryRun)), ("dropped", .number(dropped)), ("bytes", .number(bytes)),
                ("kept", .number(kept)),
            ]).show()
        }
        let verb = dryRun ? "would be dropped" : "dropped"
        let what = "\(dropped) block\(dropped == 1 ? "" : "s")"
        try StandardOutput.line("\(what), \(HumanUnits.size(UInt64(clamping: bytes))), \(verb)")
        if kept > 0 {
            try StandardOutput.line("\(kept) kept: they are needed here, or the node does not keep them")
        }
    }
}
