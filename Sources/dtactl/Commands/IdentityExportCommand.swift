import AgentProtocol
import ArgumentParser
import DTAFormats
import DTASystem

struct IdentityExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Write an identity with all that is known here of its line, as a CAR.",
        discussion: """
            Its document, those that it replaced and that replaced it, and revocations: what another host needs to judge it.
            All of it is public. The CAR's root is the identity.

            Example:
              dtactl identity export alice --out alice.car
            """)

    @Argument(help: "A name, an alias or a CID.", completion: .identityNames)
    var identity: String

    @OptionGroup var output: BinaryOutput
    @OptionGroup var agent: AgentOptions

    func run() throws {
        let client = agent.connect()
        let root = try agent.identity(identity).document.cid
        var archive: [UInt8] = []
        var writer = try CARWriter(roots: [root]) { archive += $0 }
        for block in try client.call(.identityHistory(identity)).blocks {
            let cid = try CID(block.cid)
            try writer.append(ContentBlock([UInt8](client.call(.getBlock(block.cid)).data), named: cid))
        }
        try output.put(
            archive, what: "CAR", member: "car",
            json: agent.json ? [("cid", .string(root.description)), ("blocks", .number(Int64(writer.blocks)))] : nil)
    }
}
