import AgentProtocol
import ArgumentParser
import DTAPlugins
import DTASystem

struct PluginCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plugin", abstract: "Types of orders: list them, and test a plugin.",
        subcommands: [PluginListCommand.self, PluginTestCommand.self])
}

struct PluginListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "The types of order that this host knows.",
        discussion: """
            A field with a question mark may be left out.

            Example:
              dtactl plugin list
            """)

    @OptionGroup var agent: AgentOptions

    func run() throws {
        let plugins = try agent.call(AgentRequest(.pluginList)).plugins
        if agent.json { return try JSON.showLines(plugins.map(json)) }
        var table = Table([
            .init(title: "type"), .init(title: "kind"), .init(title: "keeps"), .init(title: "fields", minimum: 10),
            .init(title: "summary", minimum: 20),
        ])
        for plugin in plugins {
            table.add([
                .init(plugin.type), .init(plugin.kind), .init(plugin.keeps),
                .init(plugin.fields.map(\.name).joined(separator: " ")), .init(plugin.summary),
            ])
        }
        try table.show()
    }

    private func json(_ plugin: AgentPlugin) -> JSON {
        .object([
            ("type", .string(plugin.type)), ("kind", .string(plugin.kind)), ("keeps", .string(plugin.keeps)),
            ("summary", .string(plugin.summary)),
            ("fields", .object(plugin.fields.map { ($0.name, .string($0.value)) })),
        ])
    }
}

struct PluginTestCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "test", abstract: "Try a plugin: every hook, bad input, and dtad's limits.",
        discussion: """
            The plugin runs as you, confined as dtad confines one that it starts itself. No agent is asked. It
            exits with 1 if a claim does not hold. docs/plugins.md is the protocol.

            Example:
              dtactl plugin test ./dta-plugin-office-hours --field hours=0000-2400 --field days=1-7
            """)

    @Argument(help: "The plugin's file, called dta-plugin-TYPE.", completion: .file())
    var path: String

    @Option(
        help: ArgumentHelp(
            "A field of an order that the plugin accepts; bytes in hexadecimal. May be repeated.",
            valueName: "name=value"))
    var field: [String] = []

    @Option(
        help: ArgumentHelp(
            "What a redemption asks for, in hexadecimal. May be repeated.", valueName: "name=value"))
    var request: [String] = []

    @Option(help: ArgumentHelp("The time for each call, in milliseconds.", valueName: "ms"))
    var time = 5000

    @Flag(help: "Answer in JSON, for programs (docs/dtactl.md).")
    var json = false

    func validate() throws {
        if !(100...60_000).contains(time) { throw ValidationError("--time is 100 to 60000.") }
        _ = try (pairs(field), pairs(request))
    }

    func run() throws {
        var limits = PluginLimits()
        limits.milliseconds = time
        var findings: [PluginExamination.Finding] = []
        let holds = PluginExamination.run(
            path, limits, fields: try pairs(field), request: try pairs(request)
        ) { findings.append($0) }
        if json {
            try JSON.object([
                ("passed", .bool(holds)), ("findings", .array(findings.map(value))),
            ]).show()
        } else {
            try show(findings)
        }
        if !holds { throw ExitCode(1) }
    }

    private func pairs(_ texts: [String]) throws -> [String: String] {
        var pairs: [String: String] = [:]
        for text in texts {
            guard let equals = text.firstIndex(of: "="), equals != text.startIndex else {
                throw ValidationError("\"\(text)\" is not NAME=VALUE.")
            }
            pairs[String(text[..<equals])] = String(text[text.index(after: equals)...])
        }
        return pairs
    }

    private func show(_ findings: [PluginExamination.Finding]) throws {
        var table = Table([
            .init(title: "result"), .init(title: "claim", minimum: 20), .init(title: "ms", isNumber: true),
            .init(title: "seen", minimum: 20),
        ])
        for finding in findings {
            let style: Style =
                switch finding.outcome {
                case .passed: .good
                case .failed: .bad
                case .skipped, .noted: .dim
                }
            table.add([
                .init(finding.outcome.rawValue, style), .init(finding.claim), .init("\(finding.milliseconds)"),
                .init(finding.detail),
            ])
        }
        try table.show()
        func count(_ outcome: PluginExamination.Finding.Outcome) -> Int { findings.count { $0.outcome == outcome } }
        try StandardOutput.line(
            "\(count(.passed)) claims hold, \(count(.failed)) do not, \(count(.skipped)) were not tried")
    }

    private func value(_ finding: PluginExamination.Finding) -> JSON {
        .object([
            ("claim", .string(finding.claim)), ("result", .string(finding.outcome.rawValue)),
            ("seen", .string(finding.detail)), ("ms", .number(Int64(finding.milliseconds))),
        ])
    }
}
