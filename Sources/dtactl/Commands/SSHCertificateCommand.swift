import AgentProtocol
import ArgumentParser
import DTASSH
import DTASystem

struct SSHCertificateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "certificate", abstract: "Offer certificates for a key to hosts, beside the key itself.",
        subcommands: [SSHCertificateAddCommand.self, SSHCertificateListCommand.self, SSHCertificateRemoveCommand.self])
}

struct SSHCertificateAddCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Add a certificate that an authority signed for a key of yours.",
        discussion: """
            A key may have several. They are offered before the key itself, until they end.

            Example:
              dtactl ssh certificate add laptop laptop-cert.pub
            """)

    @Argument(help: "The key's name.", completion: .keyNames)
    var name: String

    @Argument(
        help: "The certificate, as ssh-keygen -s writes it.", completion: .file(), transform: FileName.argument)
    var file: String

    @OptionGroup var agent: AgentOptions

    func run() throws {
        let key = try agent.certificate(name, "add", try SSHCertificateFile.read(file))
        if agent.json { return try key.json.show() }
        try StandardOutput.line("added a certificate for key \(SafeText.line(name))")
    }
}

struct SSHCertificateListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the certificates of keys that you may use.",
        discussion: """
            Example:
              dtactl ssh certificate list
            """)

    @OptionGroup var agent: AgentOptions

    func run() throws {
        let keys = try agent.call(AgentRequest(.sshList)).sshKeys
        let rows = try keys.flatMap { key in
            try key.certificates.compactMap { try SSHKey(blob: $0).certificate }.map { (key.key.name, $0) }
        }
        if agent.json {
            return try JSON.showLines(
                rows.map { name, certificate in
                    .object([
                        ("key", .string(name)), ("id", .string(certificate.keyID)),
                        ("serial", .string("\(certificate.serial)")),
                        ("principals", .array(certificate.principals.map(JSON.string))),
                        ("valid_before", .number(Int64(clamping: certificate.validBefore))),
                        ("authority", .string(certificate.authority.fingerprint)),
                    ])
                })
        }
        guard !rows.isEmpty else {
            return StandardError.note("there are no certificates; dtactl ssh certificate add KEY FILE adds one")
        }
        var table = Table([
            .init(title: "key", minimum: 12), .init(title: "id", minimum: 8), .init(title: "for", minimum: 8),
            TimeColumn.column("until"), .init(title: "authority"),
        ])
        for (name, certificate) in rows {
            table.add([
                .init(name, .bold), .init(certificate.keyID),
                .init(certificate.principals.isEmpty ? "all" : certificate.principals.joined(separator: ", ")),
                .init(
                    certificate.validBefore == .max
                        ? "for ever" : TimeColumn.text(Int64(clamping: certificate.validBefore))),
                .init(certificate.authority.fingerprint),
            ])
        }
        try table.show()
    }
}

struct SSHCertificateRemoveCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Remove a certificate of a key, or all of them.",
        discussion: """
            Examples:
              dtactl ssh certificate remove laptop laptop-cert.pub
              dtactl ssh certificate remove laptop --all
            """)

    @Argument(help: "The key's name.", completion: .keyNames)
    var name: String

    @Argument(help: "The certificate.", completion: .file(), transform: FileName.argument)
    var file: String?

    @Flag(help: "Remove all certificates of the key.")
    var all = false

    @OptionGroup var agent: AgentOptions

    func validate() throws {
        guard all == (file == nil) else { throw ValidationError("Name the certificate's file, or give --all.") }
    }

    func run() throws {
        let key = try agent.certificate(name, "remove", try file.map(SSHCertificateFile.read) ?? [])
        if agent.json { return try key.json.show() }
        let left = key.certificates.count
        try StandardOutput.line("key \(SafeText.line(name)) has \(left) certificate\(left == 1 ? "" : "s") now")
    }
}

private enum SSHCertificateFile {
    /// The certificate's bytes.
    static func read(_ path: String) throws -> [UInt8] {
        let text = String(decoding: try InputFile(path).all(limit: 128 << 10), as: UTF8.self)
        do throws(SSHFormatError) {
            let key = try SSHKey(line: text.split(whereSeparator: \.isNewline).first.map(String.init) ?? "")
            guard key.certificate != nil else { throw SSHFormatError("it is a key, and no certificate") }
            return key.blob
        } catch {
            throw Failure.failed(.invalidArgument, "\(path) is no certificate of SSH: \(error.reason)")
        }
    }
}

extension AgentOptions {
    fileprivate func certificate(_ name: String, _ decision: String, _ bytes: [UInt8]) throws -> AgentSSHKey {
        guard let key = try call(.sshCertificate(name, decision: decision, certificate: bytes)).sshKeys.first else {
            throw DTAError(.internal, "the agent answered without the key")
        }
        return key
    }
}
