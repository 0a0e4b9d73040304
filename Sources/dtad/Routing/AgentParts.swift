import DTAAgent

/// The parts of the agent that operations call.
final class AgentParts: Sendable {
    let agent: Agent
    /// For work that waits between its calls to the HSM.
    let custodian: LaneCustodian
    let status: StatusReport

    init(agent: Agent, custodian: LaneCustodian, status: StatusReport) {
        self.agent = agent
        self.custodian = custodian
        self.status = status
    }
}
