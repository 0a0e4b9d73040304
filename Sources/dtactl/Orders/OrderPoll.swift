import AgentProtocol
import DTACourier
import DTAFormats
import DTASystem
import Glibc

/// Asks the gateways of an order's other parties for parts that this host has not seen.
struct OrderPoll {
    let order: AgentOrder

    /// - Returns: how many parts came.
    /// - Throws: `Failure` if there is no gateway to ask, or none answers.
    @discardableResult
    mutating func run(_ carrier: inout Carrier) throws -> Int {
        let urls = urls(carrier)
        guard !urls.isEmpty else {
            throw Failure.failed(
                .failedPrecondition, "no gateway of another party of this order is known here",
                hint: "dtactl identity trust ALIAS --at URL names one, --via URL asks one now, and a CAR comes by hand")
        }
        let parts = try carrier.client.call(.showOrder(order.cid)).parts
        var brought = 0
        var failure: (any Error)?
        var answered = false
        for url in urls {
            do {
                brought += try poll(url, parts.map(\.cid), &carrier)
                answered = true
            } catch {
                failure = failure ?? error
            }
        }
        if let failure, !answered { throw failure }
        return brought
    }

    private func urls(_ carrier: Carrier) -> [String] {
        if let via = carrier.options.via { return [via] }
        let parties = Parties(carrier.client)
        let all =
            [order.fiduciary, order.principal, order.beneficiary, order.recipient] + order.redeemers + order.approvers
        var seen: Set<String> = [""]
        return all.filter { !$0.isEmpty && !parties.isOwn($0) }.map(parties.url).filter { seen.insert($0).inserted }
    }

    /// Asks from the newest part that the gateway knows: parts that were made here may never have reached it. If it
    /// knows none of the last few, asks from part 1.
    private func poll(_ url: String, _ parts: [String], _ carrier: inout Carrier) throws -> Int {
        var absent: DTAError?
        let newest = parts.suffix(4).reversed()
        for cid in newest + (newest.contains(order.cid) ? [] : [order.cid]) {
            do {
                return try carrier.poll(url, after: try CID(cid))
            } catch let error as DTAError where error.code == .notFound {
                absent = error
            }
        }
        if let absent { throw absent }
        return 0
    }
}

/// Like usleep(3), which on some systems takes at most a second.
func sleepMicroseconds(_ count: UInt64) {
    var left = count
    while left > 0 {
        let step = min(left, 900_000)
        usleep(UInt32(step))
        left -= step
    }
}
