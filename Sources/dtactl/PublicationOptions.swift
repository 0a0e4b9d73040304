import AgentProtocol
import ArgumentParser
import DTACourier
import DTAFormats
import DTASystem
import Glibc

/// For commands that store something: waits until the IPFS node has it.
struct PublicationOptions: ParsableArguments {
    @Flag(help: "Wait until the IPFS node has it and has pinned it: 5 minutes at most, or --timeout.")
    var wait = false

    /// Waits for blocks, if the user asked for that. Their CIDs were printed before: they are stored in any case.
    func settle(_ cids: [String], _ agent: AgentOptions) throws {
        guard wait else { return }
        let end = monotonicNanoseconds() + agent.waitingTime
        let client = agent.connect()
        for cid in cids { try settle(cid, client, agent, end) }
    }

    /// Waits until all blocks are published.
    func settleAll(_ agent: AgentOptions) throws {
        let end = monotonicNanoseconds() + agent.waitingTime
        let client = agent.connect()
        var pause = Pause(agent)
        defer { pause.end() }
        while true {
            let status = try client.call(.list(.ledgerStatus, count: 1))
            guard let first = status.publications.first else { return }
            try pause.take(until: end) { (first.cid, PublicationOptions.reason(status)) }
        }
    }

    private func settle(
        _ cid: String, _ client: BlockingAgentClient, _ agent: AgentOptions, _ end: UInt64
    ) throws {
        var pause = Pause(agent)
        defer { pause.end() }
        while true {
            let status = try client.call(.publication(of: cid))
            switch status.publications.first?.knownState {
            case .published?: return
            case .fetched?:
                throw Failure.failed(
                    .failedPrecondition, "the block \(cid) came from the IPFS node, which was not asked to keep it",
                    hint: "dtactl ledger get it and ledger put it again to have it pinned")
            case .waiting?, .stored?, nil: try pause.take(until: end) { (cid, PublicationOptions.reason(status)) }
            }
        }
    }

    /// Why it waits: the block's own error, or the node's.
    private static func reason(_ status: AgentResponse) -> String {
        let node = status.fields.first { $0.name == "reason" }?.value ?? ""
        let own = status.publications.first?.error ?? ""
        return own.isEmpty ? node : own
    }

    /// Waits briefly at first, and then longer; on a terminal it shows what it waits for.
    private struct Pause {
        let isShown: Bool
        private let began = monotonicNanoseconds()
        private var milliseconds: UInt64 = 20

        init(_ agent: AgentOptions) { isShown = Terminal.error.isTerminal && !agent.json }

        func end() {
            if isShown { StandardError.clearLine() }
        }

        mutating func take(until end: UInt64, _ state: () -> (cid: String, reason: String)) throws {
            let now = monotonicNanoseconds()
            if isShown, now > began + 1_000_000_000 {
                let seconds = Int64((now - began) / 1_000_000_000)
                StandardError.replaceLine("waiting for the IPFS node …  \(HumanUnits.span(seconds: seconds))")
            }
            guard now < end else {
                let (cid, reason) = state()
                throw Failure.failed(
                    .unavailable,
                    "the block \(cid) is stored here, and not published yet" + (reason.isEmpty ? "" : ": \(reason)"),
                    hint: "it goes on by itself; dtactl ledger status shows how far it is")
            }
            usleep(UInt32(min(milliseconds * 1000, (end - now) / 1000 + 1)))
            milliseconds = min(milliseconds * 3 / 2, 1000)
        }
    }
}
