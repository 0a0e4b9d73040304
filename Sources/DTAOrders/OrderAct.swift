import CustodyProtocol
import DTACore

/// The rest of a request about an order.
package struct OrderAct: Sendable {
    /// The plugin that may be asked meanwhile, if that is a program: it can take its whole time limit. So this runs
    /// where only requests for the same program wait, and without a dtad-hsm between two calls to it. Nil: no program
    /// is asked.
    package let program: String?
    private let step: CustodyStep<Outcome>

    package enum Outcome: Sendable {
        case done(OrderAnswer)
        /// It continues with this act: only now is known which program must be asked.
        case more(OrderAct)
    }

    init(_ program: String?, _ step: @escaping CustodyStep<OrderAnswer>) {
        self.init(program, going: { .done(try step($0)) })
    }

    init(_ program: String?, going step: @escaping CustodyStep<Outcome>) {
        self.program = program
        self.step = step
    }

    /// Runs until the result, or until another program must be asked.
    package func begin(_ custodian: any Custodian) throws -> Outcome { try step(custodian) }

    /// Runs all of it here.
    package func callAsFunction(_ custodian: any Custodian) throws -> OrderAnswer {
        var act = self
        while true {
            switch try act.begin(custodian) {
            case .done(let answer): return answer
            case .more(let next): act = next
            }
        }
    }
}

extension PluginRegistry {
    /// The program that may be asked about an order; nil: none, as on every host but the fiduciary's.
    func program(_ record: OrderRecord, _ lookup: PartyLookup) throws -> String? {
        try lookup.isFiduciaryHere(record.terms) ? program(record.kind) : nil
    }
}
