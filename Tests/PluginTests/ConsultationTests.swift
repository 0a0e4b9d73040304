import DTASystem
import TestSupport
import Testing

@testable import DTAPlugins

@Suite("Asking plugins where nobody waits")
struct ConsultationTests {
    @Test("work that needs a plugin ends, and is done again with its answer, which is asked for once")
    func again() throws {
        let folder = try PluginFolder()
        try folder.add(
            "counted", keeps: "plugin",
            "import base64\nanswer(result={'commitment': base64.b64encode(os.urandom(8)).decode()} if request['hook'] == 'commit' else {})"
        )
        let plugin = try folder.plugin("counted")
        let order = try PluginFolder.order("counted")
        let consultation = PluginConsultation()
        var runs = 0
        var seen: [PluginCommitment] = []
        func work() -> (result: Result<Void, any Error>, question: PluginConsultation.Question?) {
            consultation.collecting {
                runs += 1
                // What is made of the error on its way up does not matter.
                do { try plugin.validate(order) } catch let error as DTAError { throw error }
                if let made = try? plugin.commit(order) { seen.append(made) }
            }
        }
        for _ in 0..<2 { consultation.ask(try #require(work().question)) }
        for _ in 0..<2 { #expect(work().question == nil) }
        #expect(runs == 4)
        // One commitment, although it is random and the work was done twice with it.
        #expect(seen.count == 2 && seen[0] == seen[1])
        #expect(throws: Never.self) { try work().result.get() }
    }

    @Test("a plugin's refusal and its failure are the same within as without")
    func refuses() throws {
        let folder = try PluginFolder()
        try folder.add(
            "no", "answer(False, code='NOT_FOUND', reason='gone') if request['hook'] == 'validate' else sys.exit(3)")
        let plugin = try folder.plugin("no")
        let order = try PluginFolder.order("no")
        let consultation = PluginConsultation()
        func consulted(_ body: () throws -> Void) throws -> DTAError {
            consultation.ask(try #require(consultation.collecting(body).question))
            return try refusal { try consultation.collecting(body).result.get() }
        }
        let refused = try consulted { try plugin.validate(order) }
        #expect(refused == DTAError(.notFound, "the plugin no refuses: gone"))
        #expect(refused.isPluginDecision)
        let failed = try consulted { _ = try plugin.commit(order) }
        #expect(failed.message == "the plugin no failed: it ended with status 3")
        #expect(!failed.isPluginDecision)
    }
}
