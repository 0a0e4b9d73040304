import AgentProtocol
import ArgumentParser
import Crypto
import DTABytes
import DTASystem

struct KeyCertificateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "certificate", abstract: "Store X.509 certificates of a key, for programs that know PKCS#11.",
        subcommands: [
            KeyCertificateAddCommand.self, KeyCertificateListCommand.self, KeyCertificateRemoveCommand.self,
        ])
}

struct KeyCertificateAddCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Store a certificate of a key.",
        discussion: """
            The file is PEM or DER; of a PEM file with several certificates the first is taken. The certificate must be \
            for this key.

            Example:
              dtactl key certificate add web web.pem
            """)

    @Argument(help: "The key's name.", completion: .keyNames)
    var key: String

    @Argument(help: "The certificate; - is standard input.", completion: .file(), transform: FileName.argument)
    var file: String

    @OptionGroup var agent: AgentOptions

    func run() throws {
        let certificate = try CertificateFile.read(file, after: key)
        _ = try agent.call(.addCertificate(certificate, to: key))
        try CertificateFile.report("stored", key, certificate, json: agent.json)
    }
}

struct KeyCertificateRemoveCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Drop a certificate of a key.",
        discussion: """
            Example:
              dtactl key certificate remove web old.pem
            """)

    @Argument(help: "The key's name.", completion: .keyNames)
    var key: String

    @Argument(help: "The certificate; - is standard input.", completion: .file(), transform: FileName.argument)
    var file: String

    @OptionGroup var agent: AgentOptions

    func run() throws {
        let certificate = try CertificateFile.read(file, after: key)
        _ = try agent.call(.removeCertificate(certificate, from: key))
        try CertificateFile.report("removed", key, certificate, json: agent.json)
    }
}

struct KeyCertificateListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Show the certificates of a key, in PEM.",
        discussion: """
            Example:
              dtactl key certificate list web | openssl x509 -noout -text
            """)

    @Argument(help: "The key's name.", completion: .keyNames)
    var key: String

    @OptionGroup var agent: AgentOptions

    func run() throws {
        // The agent says whether there is such a key.
        _ = try agent.key(key)
        let views = try agent.all(.keyViews, \.keyViews).filter { $0.key.name == key }
        for certificate in views.flatMap(\.certificates) {
            let pem = CertificateFile.pem([UInt8](certificate))
            if agent.json {
                try JSON.object([("key", .string(key)), ("certificate", .string(pem))]).show()
            } else {
                try StandardOutput.line(String(pem.dropLast()))
            }
        }
    }
}

struct KeyIDCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "id", abstract: "Show or set the CKA_ID by which PKCS#11 programs find a key.",
        discussion: """
            A key has a CKA_ID that follows from its public half, until its owner sets another one. --reset goes back.

            Example:
              dtactl key id web
              dtactl key id web 0a01
              dtactl key id web --reset
            """)

    @Argument(help: "The key's name.", completion: .keyNames)
    var key: String

    @Argument(help: "1 to 64 bytes in hexadecimal.")
    var id: String?

    @Flag(help: "Go back to the CKA_ID that follows from the key.")
    var reset = false

    @OptionGroup var agent: AgentOptions

    func validate() throws {
        if id != nil, reset { throw ValidationError("An id or --reset: one of them.") }
        if let id, Hexadecimal.decode(id)?.isEmpty != false {
            throw ValidationError("A CKA_ID is given as pairs of hexadecimal digits.")
        }
    }

    func run() throws {
        if reset {
            _ = try agent.call(.identifyKey(key, id: []))
        } else if let id {
            _ = try agent.call(.identifyKey(key, id: Hexadecimal.decode(id) ?? []))
        }
        _ = try agent.key(key)
        let view = try agent.all(.keyViews, \.keyViews).first { $0.key.name == key }
        let text = view.map { Hexadecimal.encode([UInt8]($0.id)) } ?? ""
        if agent.json {
            try JSON.object([("key", .string(key)), ("id", .string(text))]).show()
        } else {
            try StandardOutput.line(text.isEmpty ? "the one that follows from the key" : text)
        }
    }
}

/// Certificates as files.
enum CertificateFile {
    /// Files that hold a chain are longer than one certificate.
    private static let limit = 256 << 10
    private static let begin = "-----BEGIN CERTIFICATE-----"
    private static let end = "-----END CERTIFICATE-----"

    /// - Returns: a certificate in DER.
    static func read(_ path: String, after key: String) throws -> [UInt8] {
        let file = try InputFile(path, after: key)
        let bytes = try file.all(limit: limit)
        // DER begins with a SEQUENCE.
        if bytes.first == 0x30 { return bytes }
        let lines = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline)
            .map { $0.trimmed }
        guard let first = lines.firstIndex(of: begin), let last = lines[first...].firstIndex(of: end),
            let certificate = Base64.decode(lines[(first + 1)..<last].joined())
        else {
            throw Failure.failed(.invalidArgument, "\(file.name) holds no certificate", hint: "PEM or DER")
        }
        return certificate
    }

    static func pem(_ certificate: [UInt8]) -> String {
        var letters = Base64.encode(certificate)[...]
        var text = begin + "\n"
        while !letters.isEmpty {
            text += letters.prefix(64) + "\n"
            letters = letters.dropFirst(64)
        }
        return text + end + "\n"
    }

    static func report(_ done: String, _ key: String, _ certificate: [UInt8], json: Bool) throws {
        let digest = Hexadecimal.encode(Array(SHA256.hash(data: certificate)))
        if json {
            try JSON.object([("key", .string(key)), ("certificate_sha256", .string(digest))]).show()
        } else {
            try StandardOutput.line("\(done) a certificate of key \(SafeText.line(key)), SHA-256 \(digest)")
        }
    }
}

extension Substring {
    /// Without spaces at its ends.
    fileprivate var trimmed: String {
        String(drop { $0 == " " || $0 == "\t" }.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
    }
}
