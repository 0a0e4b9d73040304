import ArgumentParser
import DTACourier
import DTASystem

/// How to reach other hosts' gateways.
struct GatewayOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("The authorities that vouch for gateways, in PEM; else $DTA_CA_FILE.", valueName: "file"),
        completion: .file(),
        transform: FileName.argument)
    var caFile: String?

    @Option(
        help: ArgumentHelp(
            """
            A file (0600) with the bearer token for one gateway, which no other gets: https://bank.example=FILE. Repeated for \
            several; else $DTA_TOKEN_FILE, with spaces between.
            """, valueName: "url=file"))
    var tokenFile: [String] = []

    @Option(
        help: ArgumentHelp("A certificate for mutual TLS, in PEM; else $DTA_CLIENT_CERT.", valueName: "file"),
        completion: .file(),
        transform: FileName.argument)
    var clientCert: String?

    @Option(
        help: ArgumentHelp("Its key; else $DTA_CLIENT_KEY, else in the same file.", valueName: "file"),
        completion: .file(),
        transform: FileName.argument)
    var clientKey: String?

    @Flag(help: "Allow http:// to other hosts: others on the way see who writes to whom. No token goes that way.")
    var insecureHttp = false

    @Option(help: ArgumentHelp("How long one exchange with a gateway may take.", valueName: "seconds"))
    var httpTimeout = 60

    func validate() throws {
        for pair in tokenFile { _ = FileName.argument(pair) }
        do {
            _ = try tokens()
        } catch let error as DTAError {
            throw ValidationError("--token-file: \(error.message)" + (error.hint.isEmpty ? "" : " (\(error.hint))"))
        }
        if !(1...600).contains(httpTimeout) { throw ValidationError("--http-timeout is 1 to 600 seconds.") }
    }

    private func tokens() throws -> CourierTokens {
        var tokens = CourierTokens()
        let given =
            tokenFile.isEmpty ? (environment("DTA_TOKEN_FILE") ?? "").split(separator: " ").map(String.init) : tokenFile
        for pair in given { try tokens.add(pair) }
        return tokens
    }

    /// - Throws: `DTAError.invalidArgument` for tokens without a gateway.
    func http() throws -> HTTPCourier.Options {
        var options = HTTPCourier.Options()
        options.authoritiesName = "--ca-file"
        options.certificateName = "--client-cert and --client-key"
        options.certificateAuthorities = caFile ?? environment("DTA_CA_FILE")
        options.tokens = try tokens()
        options.clientCertificate = clientCert ?? environment("DTA_CLIENT_CERT")
        options.clientKey = clientKey ?? environment("DTA_CLIENT_KEY")
        options.allowsPlain = insecureHttp
        options.milliseconds = httpTimeout * 1000
        return options
    }
}
