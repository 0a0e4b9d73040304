import AgentProtocol
import ArgumentParser
import DTAFormats
import DTASystem

struct AuditVerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Verify an audit log: its chain of hashes and its signed checkpoints.",
        discussion: """
            Without files the agent verifies its own log, for administrators. Files are verified here, with no agent: name \
            all of a log's files in their order. Checkpoints are checked against the identity given by --identity.

            Example:
              sudo dtactl audit verify
              dtactl audit verify audit/*.jsonl --identity agent.identity
            """)

    @Argument(
        help: "The log's files, the oldest first; - is standard input.", completion: .file(),
        transform: FileName.argument)
    var files: [String] = []

    @Option(
        help: ArgumentHelp("The agent's identity document, to check its signatures with.", valueName: "file"),
        completion: .file(),
        transform: FileName.argument)
    var identity: [String] = []

    @OptionGroup var agent: AgentOptions

    func run() throws {
        try files.isEmpty ? askAgent() : verifyHere()
    }

    private func askAgent() throws {
        // The agent reads the whole log.
        let answer = try agent.call(.verifyAudit(), timeout: .seconds(600))
        try report(answer.valid, answer.fields.map { ($0.name, $0.value) })
    }

    private func verifyHere() throws {
        let documents = try identity.map {
            try SignedIdentity(block: InputFile($0).all(limit: SignedIdentity.maximumSize))
        }
        var verifier = AuditVerifier { name in
            documents.first { $0.cid.description == name }?.identity.signing
        }
        for path in files {
            let file = try InputFile(path)
            verifier.begin(file: file.name)
            try AuditVerifyCommand.lines(of: file) { verifier.read($0, isComplete: $1) }
        }
        let findings = verifier.findings
        var fields = [("records", "\(findings.records)")]
        if let first = findings.first, let last = findings.last {
            fields += [("first", "\(first)"), ("last", "\(last)"), ("last_hash", findings.lastHash)]
        }
        fields += [
            ("checkpoints", "\(findings.checkpoints)"), ("unchecked_checkpoints", "\(findings.uncheckedCheckpoints)"),
        ]
        if let number = findings.lastCheckpointed { fields.append(("last_checkpointed", "\(number)")) }
        fields.append(("problems", "\(findings.problems)"))
        if let problem = findings.firstProblem { fields.append(("first_problem", problem)) }
        try report(findings.isSound, fields)
        if findings.uncheckedCheckpoints > 0, !agent.json {
            StandardError.warn("checkpoints are signed by an identity that was not given with --identity")
        }
    }

    /// Several times the most bytes of a record: a file without line ends is not held in memory whole.
    private static let lineLimit = 1 << 20

    /// Hands out each line, and whether it had a line end.
    private static func lines(of file: InputFile, _ read: ([UInt8], Bool) -> Void) throws {
        var rest: [UInt8] = []
        while case let chunk = try file.chunk(), !chunk.isEmpty {
            rest += chunk
            var start = 0
            while let end = rest[start...].firstIndex(of: UInt8(ascii: "\n")) {
                read(Array(rest[start..<end]), true)
                start = end + 1
            }
            rest.removeFirst(start)
            guard rest.count <= lineLimit else {
                throw Failure.failed(.dataLoss, "\(file.name) is no audit log: it has a line of more than 1 MiB")
            }
        }
        if !rest.isEmpty { read(rest, false) }
    }

    private func report(_ isSound: Bool, _ fields: [(String, String)]) throws {
        if agent.json {
            try JSON.object([("valid", .bool(isSound))] + fields.map { ($0.0, JSON.string($0.1)) }).show()
        } else {
            try StandardOutput.line(
                isSound ? Style.good.apply("the audit log is sound") : Style.bad.apply("the audit log is NOT sound"))
            var details = Details()
            for (name, value) in fields { details.add(name.split(separator: "_").joined(separator: " "), value) }
            try details.show()
        }
        if !isSound { throw ExitCode(Failure.Exit.failed.rawValue) }
    }
}
