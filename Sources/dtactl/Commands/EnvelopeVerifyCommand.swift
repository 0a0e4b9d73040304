import ArgumentParser
import DTAFormats
import DTASystem

struct EnvelopeVerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Verify the envelopes in files, with public keys only and without any agent.",
        discussion: """
            The files are CARs, or blocks: envelopes, identities, revocations. Each envelope's form, signature, thread, \
            recipients and body are checked by what the files hold. What is in none of them is told as missing; that is an \
            error only with --complete. No file can say whether a sender is to be trusted; the name in quotes is what \
            the sender calls itself.

            Example:
              dtactl envelope verify thread.car
              dtactl envelope verify letter.envelope alice.identity --complete
            """)

    @Argument(
        help: "CARs and blocks; - is standard input.", completion: .file(),
        transform: FileName.argument)
    var files: [String]

    @Flag(help: "Anything that is missing is an error too.")
    var complete = false

    @Flag(help: "Answer in JSON, for programs (docs/dtactl.md).")
    var json = false

    func run() throws {
        let files = try files.map { try BlockFile($0) }
        let source = BlockFiles(files)
        let documents = files.map(\.documents)
        let known = KnownDocuments(
            documents.flatMap(\.identities), revocations: documents.flatMap(\.revocations))
        var verifier = EnvelopeVerifier(source, known: known)
        var seen: Set<CID> = []
        let rows = try documents.flatMap(\.envelopes).filter { seen.insert($0).inserted }.map {
            EnvelopeRow(try verifier.verify($0))
        }
        try EnvelopeTree(rows).show(json: json)

        let broken = broken(documents, known)
        for line in broken { StandardError.line(Style.bad.apply("bad:", to: .error) + " " + SafeText.line(line)) }
        let roots = files.flatMap(\.roots).filter { source.size(of: $0) == nil }
        for root in roots { StandardError.warn("not here: \(root), which a CAR names as its root") }
        try conclude(rows.map(\.finding), broken.count, roots.count)
    }

    /// Invalid documents, and those that claim to replace or revoke an identity that did not agree.
    private func broken(_ documents: [CollectedDocuments], _ known: KnownDocuments) -> [String] {
        documents.flatMap(\.broken).map { "\($0.cid) is no valid \($0.kind.rawValue): \($0.reason)" }
            + known.refuted.sorted().map {
                "\($0) claims to replace or to revoke an identity, and that one's keys did not sign it"
            }
    }

    private func conclude(_ findings: [EnvelopeFinding], _ broken: Int, _ roots: Int) throws {
        func count(_ verdict: EnvelopeFinding.Verdict) -> Int { findings.filter { $0.verdict == verdict }.count }
        let (bad, incomplete) = (count(.bad), count(.incomplete))
        if !json {
            let words = [
                "\(count(.sound)) sound", incomplete > 0 ? "\(incomplete) incomplete" : nil,
                bad > 0 ? "\(bad) bad" : nil,
                broken > 0 ? "\(broken) other documents bad" : nil,
            ].compactMap { $0 }
            StandardError.warn(
                "\(findings.count) envelope\(findings.count == 1 ? "" : "s"): " + words.joined(separator: ", "))
        }
        guard !findings.isEmpty || broken > 0 else {
            throw Failure.failed(.notFound, "there is no envelope in these files")
        }
        if bad > 0 || broken > 0 || (complete && (incomplete > 0 || roots > 0)) {
            throw ExitCode(Failure.Exit.failed.rawValue)
        }
    }
}
