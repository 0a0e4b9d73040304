import DTACore

/// The parts of the agent that operations call.
final class AgentParts: Sendable {
    let core: Core
    /// For what waits between its calls to the HSM.
    let custodian: LaneCustodian
    let status: StatusReport

    init(core: Core, custodian: LaneCustodian, status: StatusReport) {
        self.core = core
        self.custodian = custodian
        self.status = status
    }
}
