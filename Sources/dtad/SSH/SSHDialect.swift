import AgentServer
import DTAAgent
import DTASSH
import DTASystem
import Logging

/// The agent protocol of SSH, on ssh.sock (RFC 9987; docs/ssh.md).
struct SSHDialect: FrameDialect {
    private let agent: Agent
    private let logger: Logger

    init(_ agent: Agent, logger: Logger) {
        self.agent = agent
        self.logger = logger
    }

    var frameLimit: Int { SSHAgentRequest.frameLimit }

    func refusal(because reason: DTAError) -> [UInt8] { SSHAgentAnswer.failure.frame }

    func conversation(with caller: Caller) -> any FrameConversation { SSHConversation(agent, caller, logger) }
}
