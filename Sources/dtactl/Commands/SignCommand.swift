import AgentProtocol
import ArgumentParser

struct SignCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sign", abstract: "Sign a file with a key.",
        discussion: """
            ECDSA and RSA keys sign files of any size and digests that you made; Ed25519 keys sign messages of up to 256 \
            KiB. For an RSA key, --scheme says how it signs: pss-… is the better one, pkcs1-… the one that all know.

            Example:
              dtactl sign release build.tar.gz --format der --out build.sig
              openssl dgst -sha256 -verify release.pem -signature build.sig build.tar.gz
              dtactl sign old build.tar.gz --scheme pkcs1-sha256 --out build.sig
            """)

    @Argument(help: "The key's name.", completion: .keyNames)
    var name: String

    @Argument(
        help: "The file; standard input if it is - or missing.", completion: .file(),
        transform: FileName.argument)
    var file: String?

    @Option(help: ArgumentHelp("Sign this digest instead of a file.", valueName: "hex"))
    var digest: String?

    @Option(
        name: [.long, .customShort("f")],
        help: "raw: r and s, or the bytes of an Ed25519 or RSA signature; der: ECDSA as OpenSSL reads it.")
    var format = SignatureFormat.raw

    @Option(help: "How an RSA key signs.")
    var scheme: SignatureScheme?

    @OptionGroup var output: BinaryOutput
    @OptionGroup var agent: AgentOptions

    func validate() throws {
        if digest != nil, file != nil { throw ValidationError("Give a file or --digest, not both.") }
    }

    func run() throws {
        let input =
            try digest.map(SigningInput.init(digest:))
            ?? SigningInput(file: file, key: name, scheme: scheme, agent: agent)
        let signature = try agent.call(
            .sign(
                key: name, message: input.bytes, prehashed: input.isDigest, format: format.wire,
                scheme: scheme?.wire ?? .unspecified)
        ).data
        var json: [(String, JSON)] = [("key", .string(name)), ("format", .string(format.rawValue))]
        if let scheme { json.append(("scheme", .string(scheme.rawValue))) }
        try output.put([UInt8](signature), what: "signature", member: "signature", json: agent.json ? json : nil)
    }
}

struct VerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Verify a signature with the public half of a key.",
        discussion: """
            It exits with 0 if the signature fits, and with 1 if it does not.

            Example:
              dtactl verify release build.tar.gz build.sig
            """)

    @Argument(help: "The key's name.", completion: .keyNames)
    var name: String

    @Argument(
        help: "What was signed; - is standard input.", completion: .file(),
        transform: FileName.argument)
    var file: String

    @Argument(
        help: "The file with the signature; - is standard input.", completion: .file(),
        transform: FileName.argument)
    var signature: String

    @Option(name: [.long, .customShort("f")], help: "The signature's format; by default as its length says.")
    var format: SignatureFormat?

    @Option(help: "How an RSA key signed.")
    var scheme: SignatureScheme?

    @OptionGroup var agent: AgentOptions

    func validate() throws {
        if file == "-", signature == "-" { throw ValidationError("Only one of the two files can be standard input.") }
    }

    func run() throws {
        // The longest possible is that of an RSA key of 4096 bits: 512 bytes.
        let bytes = try InputFile(signature).all(limit: 1024)
        let input = try SigningInput(file: file, key: name, scheme: scheme, agent: agent)
        // Raw signatures have 64 or 96 bytes. DER of these lengths needs an r and an s that begin with 32 zero bits.
        let isRaw = scheme != nil || [64, 96, 256, 384, 512].contains(bytes.count)
        let format = format ?? (isRaw ? .raw : .der)
        let valid = try agent.call(
            .verify(
                key: name, message: input.bytes, signature: bytes, prehashed: input.isDigest, format: format.wire,
                scheme: scheme?.wire ?? .unspecified)
        ).valid
        if agent.json {
            try JSON.object([("key", .string(name)), ("valid", .bool(valid))]).show()
        } else {
            try StandardOutput.line(
                valid ? Style.good.apply("valid") : Style.bad.apply("NOT valid"))
        }
        if !valid { throw ExitCode(Failure.Exit.failed.rawValue) }
    }
}
