import AgentProtocol
import ArgumentParser
import DTABytes

struct MacCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mac", abstract: "Make an HMAC-SHA256 of a file of up to 256 KiB.",
        discussion: """
            Example:
              dtactl mac cookies session.json --out session.mac
            """)

    @Argument(help: "The name of an hmac-sha256 key.", completion: .keyNames)
    var name: String

    @Argument(
        help: "The file; standard input if it is - or missing.", completion: .file(),
        transform: FileName.argument)
    var file: String?

    @OptionGroup var output: BinaryOutput
    @OptionGroup var agent: AgentOptions

    func run() throws {
        let message = try InputFile(file, after: name).all(
            limit: messageLimit, hint: "make the MAC of its digest instead")
        let mac = try agent.call(.mac(key: name, message: message)).data
        try output.put([UInt8](mac), what: "MAC", member: "mac", json: agent.json ? [("key", .string(name))] : nil)
    }
}

struct EncryptCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "encrypt", abstract: "Encrypt a file of up to 256 KiB with AES-256-GCM.",
        discussion: """
            The result is the nonce (12 bytes), the ciphertext and the tag (16 bytes).

            Example:
              dtactl encrypt vault notes.txt --out notes.sealed
              dtactl decrypt vault notes.sealed
            """)

    @Argument(help: "The name of an aes256 key.", completion: .keyNames)
    var name: String

    @Argument(
        help: "The file; standard input if it is - or missing.", completion: .file(),
        transform: FileName.argument)
    var file: String?

    @Option(help: ArgumentHelp("A text that decrypting needs again; it is not hidden.", valueName: "text"))
    var aad = ""

    @OptionGroup var output: BinaryOutput
    @OptionGroup var agent: AgentOptions

    func run() throws {
        let plaintext = try InputFile(file, after: name).all(
            limit: messageLimit, hint: "encrypt larger files with a key of their own, and that key with this one")
        let sealed = try agent.call(.encrypt(key: name, plaintext: plaintext, aad: aad.utf8)).data
        try output.put(
            [UInt8](sealed), what: "ciphertext", member: "data", json: agent.json ? [("key", .string(name))] : nil)
    }
}

struct DecryptCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "decrypt", abstract: "Open what encrypt wrote, or what others encrypted to an RSA key.",
        discussion: """
            An RSA key opens RSA-OAEP with SHA-256, and MGF1 with SHA-256; --aad is its label.

            Example:
              dtactl decrypt vault notes.sealed --out notes.txt
              openssl pkeyutl -encrypt -pubin -inkey old.pem -in key.bin -out key.enc -pkeyopt rsa_padding_mode:oaep \
                -pkeyopt rsa_oaep_md:sha256
              dtactl decrypt old key.enc --out key.bin
            """)

    @Argument(help: "The name of an aes256 or RSA key.", completion: .keyNames)
    var name: String

    @Argument(
        help: "The file; standard input if it is - or missing.", completion: .file(),
        transform: FileName.argument)
    var file: String?

    @Option(help: ArgumentHelp("The text that was given to encrypt.", valueName: "text"))
    var aad = ""

    @OptionGroup var output: BinaryOutput
    @OptionGroup var agent: AgentOptions

    func run() throws {
        // Nonce and tag come on top of the plaintext.
        let sealed = try InputFile(file, after: name).all(limit: messageLimit + 28)
        var answer = try agent.call(.decrypt(key: name, sealed: sealed, aad: aad.utf8))
        try output.put(
            answer.takeSecret(), what: "plaintext", mayBeText: true, member: "data",
            json: agent.json ? [("key", .string(name))] : nil)
    }
}

struct RandomCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "random", abstract: "Random bytes from the HSM's generator.",
        discussion: """
            Example:
              dtactl random 32 --out seed
            """)

    /// The most bytes of one request.
    private static let step = 65_536
    private static let limit = 16 << 20

    @Argument(help: "How many bytes: 1 to 16,777,216.")
    var count: Int

    @OptionGroup var output: BinaryOutput
    @OptionGroup var agent: AgentOptions

    func validate() throws {
        guard (1...RandomCommand.limit).contains(count) else {
            throw ValidationError("The number of bytes is 1 to \(RandomCommand.limit).")
        }
    }

    func run() throws {
        let client = agent.connect()
        let bytes = try Secret(count: count) { room in
            for start in stride(from: 0, to: count, by: RandomCommand.step) {
                let place = room[start..<min(start + RandomCommand.step, count)]
                var answer = try client.call(.random(UInt32(place.count)))
                let drawn = answer.takeSecret()
                // With too few bytes, some would be zeros; with too many, another user's secret might be among them.
                guard drawn.count == place.count else {
                    throw Failure.failed(
                        .internal, "the agent answered \(drawn.count) random bytes instead of \(place.count)")
                }
                drawn.withUnsafeBytes { UnsafeMutableRawBufferPointer(rebasing: place).copyMemory(from: $0) }
            }
        }
        try output.put(bytes, what: "random bytes", member: "data", json: agent.json ? [] : nil)
    }
}
