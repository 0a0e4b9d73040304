import DTASystem
import Foundation
import TestSupport
import Testing

/// What a person sees of the node.
@Suite(.enabled(if: TestNode.isInstalled)) struct NodeCommandTests {
    @Test("dtactl waits for publication, shows what is on its way and why, and drops what is published")
    func commands() throws {
        let node = try TestNode()
        let agent = try TestAgent(publishingTo: node.api)
        let file = try agent.directory.write("block", "a block")
        let put = try dtactl(agent, "ledger", "put", file, "--wait")
        #expect(put.status == 0, "\(put.errors)")
        let cid = put.text.trimmingCharacters(in: .newlines)
        let one = try dtactl(agent, "ledger", "status", cid)
        #expect(one.text.contains("published") && one.text.contains(node.api) && one.text.contains(node.id))
        let json = try dtactl(agent, "ledger", "status", cid, "--json")
        #expect(json.text.contains(#""state":"published","attempts":0"#))

        let gc = try dtactl(agent, "ledger", "gc", "--dry-run")
        #expect(gc.text.hasPrefix("1 blocks, ") && gc.text.contains("would be dropped"))
        #expect(try dtactl(agent, "ledger", "gc").status == 0)
        #expect(try dtactl(agent, "ledger", "list").text.contains("ipfs"))
        #expect(try dtactl(agent, "ledger", "get", cid, "--local").status == 1)
        #expect(try dtactl(agent, "ledger", "get", cid).text == "a block")

        node.kill()
        let other = try agent.directory.write("other", "another block")
        let late = try dtactl(agent, "ledger", "put", other, "--wait", "--timeout", "1")
        #expect(late.status == 1 && late.text.hasPrefix("bafk") && late.errors.contains("not published yet"))
        #expect(late.errors.contains(node.api))
        let waiting = try dtactl(agent, "ledger", "status")
        #expect(waiting.text.contains("away") && waiting.text.contains("waiting"))
        try node.start()
        #expect(try dtactl(agent, "ledger", "status", "--wait").status == 0)
    }
}
