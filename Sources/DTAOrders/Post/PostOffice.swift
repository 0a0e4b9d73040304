import CustodyProtocol
import DTACore
import DTAEnvelopes

/// Gives each request that works on parts its own `PartPost`, once the request has a dtad-hsm.
struct PostOffice: Sendable {
    let lookup: PartyLookup
    let envelopes: EnvelopeService
    let clock: WallClock

    func post(_ custodian: any Custodian) -> PartPost {
        PartPost(custodian, lookup: lookup, envelopes: envelopes, clock: clock)
    }

    /// The second phase of a request.
    func step<Result>(_ body: @escaping @Sendable (PartPost) throws -> Result) -> CustodyStep<Result> {
        { try body(post($0)) }
    }

    /// The second phase of an act on an order.
    /// - Parameter program: the plugin that may be asked meanwhile, if that is a program.
    func act(
        _ program: String?, _ body: @escaping @Sendable (PartPost) throws -> OrderAnswer
    ) -> OrderAct {
        OrderAct(program, step(body))
    }
}
