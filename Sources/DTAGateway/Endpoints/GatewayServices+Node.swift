import AgentProtocol
import DTASystem
import Glibc

/// The state of the gateway and its agent.
extension GatewayServices {
    func status(_ call: Call) async throws -> Reply {
        // If the types of orders cannot be read, the status is answered without them.
        let plugins = try? await plugins.value { try await agent.call(AgentRequest(.pluginList)).plugins.map(\.type) }
        let identity = configuration.orders.principal
        let cid: String? =
            identity.isEmpty
            ? nil
            : try? await node.value {
                guard let shown = try await agent.call(.showIdentity(identity)).identities.first else {
                    throw Problem.notFound("there is no identity \(identity)")
                }
                return shown.cid
            }
        return Reply(
            .members([
                ("application", "D-TA"), ("apiVersion", "v1"), ("extensionVendor", "D-TA"),
                ("version", .string(Version.current)), ("timeStamp", .string(timestamp(Int64(time(nil))))),
                ("nodeType", .string(configuration.node.rawValue)), ("nodeCID", cid.map { .string($0) }),
                ("plugin", plugins.flatMap { .text($0.joined(separator: ",")) }),
            ]))
    }

    /// Whether this process answers.
    func health(_ call: Call) async throws -> Reply { Reply(["Status": "ok"]) }

    /// Whether requests can be done: the agent answers, its HSM works, tokens can be verified.
    func readiness(_ call: Call) async throws -> Reply {
        try await readiness.check { [agent, doorkeeper] in
            let fields = try await agent.call(.status(), timeout: .seconds(3)).fields
            guard fields.contains(where: { $0.name == "state" && $0.value == AgentState.ready.rawValue }) else {
                throw Problem.busy("the agent's HSM does not answer")
            }
            if let tokens = doorkeeper.tokens, await !tokens.keys.isReady {
                throw Problem.busy("the issuer's keys cannot be had, so no token can be verified")
            }
        }
        return Reply(["Status": "ready"])
    }

    func describe(_ call: Call) async throws -> Reply { Reply(description, type: "application/json") }
}
