import DTAFormats
import DTAJSON
import DTASystem
import Foundation
import TestSupport
import Testing

@testable import DTAPlugins

@Suite("The plugins that are examples", .ownThread)
struct ExampleTests {
    private func folder() throws -> PluginFolder {
        let folder = try PluginFolder()
        try folder.addExamples()
        return folder
    }

    @Test("office-hours releases at its hours and at no others")
    func officeHours() throws {
        let folder = try folder()
        let plugin = try folder.plugin("office-hours")
        #expect(plugin.keeps == .agent)
        func prepare(_ fields: [String: OrderFieldValue], request: [String: OrderFieldValue] = [:]) throws {
            try plugin.prepare(try PluginFolder.order("office-hours", fields), try PluginFolder.redemption(request))
        }
        try prepare(["days": .text("1-7"), "hours": .text("0000-2400")])
        try prepare(["days": .text("1-7"), "hours": .text("0000-2400"), "zone": .text("Europe/Berlin")])
        // Monday is 1; two days from now is not today, in any zone and whenever this runs.
        let today = (Int(Date().timeIntervalSince1970 / 86400) + 3) % 7
        let other = (today + 3) % 7 + 1
        let closed: [String: OrderFieldValue] = ["days": .text("\(other)-\(other)"), "hours": .text("0000-2400")]
        let error = try refusal { try prepare(closed) }
        #expect(error.code == .unavailable)
        #expect(
            error.message
                == "the plugin office-hours refuses: it is outside of office hours: days \(other)-\(other), 0000-2400 UTC"
        )
        // The redeemer cannot choose the days.
        let wish: [String: OrderFieldValue] = ["days": .text("1-7"), "fields": .text(#"{"days":"1-7""#)]
        #expect(throws: DTAError.self) { try prepare(closed, request: wish) }
    }

    @Test(
        "office-hours refuses hours, days and zones that are none",
        arguments: [
            ["hours": "9-17"], ["hours": "1700-0900"], ["hours": "0900-2500"], ["hours": ""], ["hours": "0900-1700\n"],
            ["hours": "\"; touch /tmp/x; \""], ["days": "0-5"], ["days": "5-1"], ["days": "8"], ["zone": "/etc/passwd"],
            ["zone": "../../etc/passwd"], ["zone": "Nowhere"], ["zone": "$(id)"], ["zone": ""],
        ])
    func refusesHours(_ fields: [String: String]) throws {
        let folder = try folder()
        let plugin = try folder.plugin("office-hours")
        let order = try PluginFolder.order("office-hours", fields.mapValues { .text($0) })
        #expect(try refusal { try plugin.validate(order) }.code == .invalidArgument)
        #expect(try refusal { _ = try plugin.commit(order) }.code == .invalidArgument)
    }

    @Test("any two of three shares make the secret, one does not, and a share that is damaged is refused")
    func shamir() throws {
        let folder = try folder()
        let plugin = try folder.plugin("shamir")
        #expect(plugin.keeps == .plugin)
        let program = folder.directory.file("dta-plugin-shamir")
        let secret: [UInt8] = Array("the key to the vault \0\u{1}\n".utf8) + [255, 0]
        let shares = try run(program, ["split", "2", "3"], input: secret).text.split(separator: "\n").map(String.init)
        #expect(shares.count == 3)
        var released: [String] = []
        for (index, share) in shares.enumerated() {
            // One order with each fiduciary.
            var order = try PluginFolder.order("shamir", ["share": .text(share)])
            order.cid = PluginFolder.cid("order \(index)")
            try plugin.validate(order)
            let made = try #require(try plugin.commit(order))
            order.commitment = made.commitment
            let cid = try #require(order.cid).description
            let expected = try run("/usr/bin/sha256sum", [], input: Array(cid.utf8) + [0] + Array(share.utf8)).text
            #expect(expected.hasPrefix(hex(made.commitment)))
            try plugin.prepare(order, try PluginFolder.redemption())
            let result = try plugin.release(order, try PluginFolder.redemption(), state: made.state)
            released.append(try #require(result["share"]?.text))
        }
        for pair in [[0, 1], [1, 2], [2, 0], [0, 1, 2]] {
            let lines = pair.map { released[$0] + "\n" }.joined()
            #expect(try run(program, ["combine"], input: Array(lines.utf8)).output == secret)
        }
        for lines in [released[0], released[0] + "\n" + released[0]] {
            #expect(try run(program, ["combine"], input: Array(lines.utf8)).status == 1)
        }
        let damaged = String(shares[0].map { $0 == "a" ? "b" : $0 == "b" ? "a" : $0 })
        for wrong in [damaged, "", "share", shares[0] + "\n"] {
            let order = try PluginFolder.order("shamir", ["share": .text(wrong)])
            #expect(try refusal { try plugin.validate(order) }.code == .invalidArgument)
        }
        #expect(
            try refusal { try plugin.validate(try PluginFolder.order("shamir")) }.message.contains(
                "needs the field share"))
    }
}

@Suite("The transcript of docs/plugins.md", .ownThread)
struct TranscriptTests {
    @Test("dtad writes what the transcript of docs/plugins.md says, and the plugin answers as it stands there")
    func transcript() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let text = try String(contentsOf: root.appendingPathComponent("docs/plugins.md"), encoding: .utf8)
        let lines = text.split(separator: "\n").map(String.init)
        let asked = lines.filter { $0.hasPrefix("> {") }.map { String($0.dropFirst(2)) }
        let answered = lines.filter { $0.hasPrefix("< {") }.map { String($0.dropFirst(2)) }
        #expect(asked.count == 6 && answered.count == 6)
        let program = root.appendingPathComponent("Examples/plugins/dta-plugin-shamir").path
        for (request, answer) in zip(asked, answered) {
            let value = try JSONReader.read(Array(request.utf8))
            #expect(value.line == request)
            #expect(try run(program, [], input: Array((request + "\n").utf8)).text == answer + "\n")
        }
        // The same order, made here, has the same members.
        let plugin = try #require(PluginType("shamir"))
        let terms = try OrderTerms(
            fiduciary: PluginFolder.cid("bank"), principal: PluginFolder.cid("mira"),
            beneficiary: PluginFolder.cid("heir"), redeemers: [PluginFolder.cid("heir")],
            recipient: PluginFolder.cid("heir"), approvers: [PluginFolder.cid("ann"), PluginFolder.cid("bob")],
            approvals: 1, notBefore: 1_796_083_200)
        let parsed = try JSONReader.read(Array(try #require(asked.dropFirst(4).first).utf8))
        let share = parsed["order"]?["fields"]?["share"]?.string
        let commitment = try JSONReader.read(Array(answered[2].utf8))["result"]?["commitment"]?.base64
        let order = PluginOrder(
            cid: PluginFolder.cid("part 1"), reference: "heqa2hukrw53nv545ji6ak4z6a", kind: plugin, terms: terms,
            fields: ["share": .text(try #require(share))], commitment: commitment)
        #expect(order.json == parsed["order"])
        var redemption = PluginRedemption(
            cid: PluginFolder.cid("part 3"), use: 1, redeemer: PluginFolder.cid("heir"))
        redemption.purpose = "the will was read"
        #expect(redemption.json == parsed["redemption"])
    }
}
