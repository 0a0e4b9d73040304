import DTACore

/// The parts of the agent that operations call.
final class AgentParts: Sendable {
    let core: Core
    /// For what waits between its calls to the HSM.
    let custodian: LaneCustodian
    /// What `status` answers.
    let status: @Sendable () -> [(String, String)]

    init(core: Core, custodian: LaneCustodian, status: @escaping @Sendable () -> [(String, String)]) {
        self.core = core
        self.custodian = custodian
        self.status = status
    }
}
