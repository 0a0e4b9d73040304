import DTASystem
import Foundation
import TestSupport
import Testing

@testable import DTAPlugins

@Suite("dtactl plugin test", .ownThread)
struct ExaminationTests {
    private func examine(
        _ path: String, fields: [String: String] = [:]
    ) -> (holds: Bool, findings: [PluginExamination.Finding]) {
        var findings: [PluginExamination.Finding] = []
        var limits = PluginLimits()
        limits.milliseconds = 20_000
        let holds = PluginExamination.run(path, limits, fields: fields) { findings.append($0) }
        return (holds, findings)
    }

    @Test("dtactl plugin test passes the examples, and tries every claim")
    func examples() throws {
        let folder = try PluginFolder()
        try folder.addExamples()
        let shell = examine(
            folder.directory.file("dta-plugin-office-hours"), fields: ["hours": "0000-2400", "days": "1-7"])
        #expect(shell.holds)
        #expect(shell.findings.allSatisfy { $0.outcome == .passed }, "\(shell.findings)")
        #expect(shell.findings.count == 22)
        let program = folder.directory.file("dta-plugin-shamir")
        let share = try run(program, ["split", "1", "1"], input: [1, 2, 3]).text
        let python = examine(program, fields: ["share": share.trimmingCharacters(in: .whitespacesAndNewlines)])
        #expect(python.holds)
        #expect(python.findings.allSatisfy { $0.outcome == .passed }, "\(python.findings)")
        #expect(python.findings.count == 19)
    }

    @Test("a plugin whose order nobody gave is not blamed for refusing a made-up one")
    func skips() throws {
        let folder = try PluginFolder()
        try folder.addExamples()
        let (holds, findings) = examine(folder.directory.file("dta-plugin-shamir"))
        #expect(holds)
        #expect(findings.filter { $0.outcome == .skipped }.map(\.claim) == ["it accepts an order"])
    }

    @Test("a plugin that always says yes, forgets its secret and dies of bad input fails at each of these")
    func finds() throws {
        let folder = try PluginFolder()
        try folder.add(
            "yes", keeps: "plugin",
            "import base64\nanswer(result={'commitment': 'AAE='} if request['hook'] == 'commit' else {'fields': {'a': base64.b64encode(os.urandom(8)).decode()}} if request['hook'] == 'release' else {})"
        )
        let (holds, findings) = examine(folder.directory.file("dta-plugin-yes"))
        #expect(!holds)
        #expect(
            findings.filter { $0.outcome == .failed }.map(\.claim) == [
                "it refuses a hook that it does not know", "it refuses another version of the protocol",
                "it gives the same result twice",
            ])
    }

    @Test("a plugin that hangs on a line that is cut is found")
    func hangs() throws {
        let folder = try PluginFolder()
        try folder.write("stuck", "#!/bin/sh\nIFS= read -r line || sleep 600\n")
        var findings: [PluginExamination.Finding] = []
        var limits = PluginLimits()
        limits.milliseconds = 1500
        #expect(!PluginExamination.run(folder.directory.file("dta-plugin-stuck"), limits) { findings.append($0) })
        #expect(findings.last?.detail == "the plugin stuck failed: it ended without an answer")
        // Hello comes first: what cannot say it is not asked for more.
        #expect(findings.count == 3)
    }
}
