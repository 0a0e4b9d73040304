import ArgumentParser
import DTACourier

/// How parts of orders get to other hosts.
struct CourierOptions: ParsableArguments {
    @Option(
        name: [.long, .customShort("o")],
        help: ArgumentHelp(
            "Write what is to be carried to a CAR file instead of sending it; - is standard output.",
            valueName: "file"), completion: .file())
    var out: String?

    @Option(help: ArgumentHelp("Send it to this gateway alone, whatever the identities' URLs are.", valueName: "url"))
    var via: String?

    @Flag(help: "Send nothing: order send does, later.")
    var hold = false

    @Option(
        help: ArgumentHelp("The authorities that vouch for gateways, in PEM; else $DTA_CA_FILE.", valueName: "file"),
        completion: .file())
    var caFile: String?

    @Option(
        help: ArgumentHelp("A file (0600) with the gateway's bearer token; else $DTA_TOKEN_FILE.", valueName: "file"),
        completion: .file())
    var tokenFile: String?

    @Option(
        help: ArgumentHelp("A certificate for mutual TLS, in PEM; else $DTA_CLIENT_CERT.", valueName: "file"),
        completion: .file())
    var clientCert: String?

    @Option(
        help: ArgumentHelp("Its key; else $DTA_CLIENT_KEY, else in the same file.", valueName: "file"),
        completion: .file())
    var clientKey: String?

    @Flag(help: "Allow http:// to other hosts: who stands between sees who writes to whom, and takes the token.")
    var insecureHttp = false

    @Option(help: ArgumentHelp("How long one exchange with a gateway may take.", valueName: "seconds"))
    var httpTimeout = 60

    func validate() throws {
        if out != nil, via != nil || hold { throw ValidationError("--out writes a file: nothing is sent then.") }
        if via != nil, hold { throw ValidationError("--via sends and --hold does not: one of them.") }
        if !(1...600).contains(httpTimeout) { throw ValidationError("--http-timeout is 1 to 600 seconds.") }
    }

    var http: HTTPCourier.Options {
        var options = HTTPCourier.Options()
        options.certificateAuthorities = caFile ?? environment("DTA_CA_FILE")
        options.tokenFile = tokenFile ?? environment("DTA_TOKEN_FILE")
        options.clientCertificate = clientCert ?? environment("DTA_CLIENT_CERT")
        options.clientKey = clientKey ?? environment("DTA_CLIENT_KEY")
        options.allowsPlain = insecureHttp
        options.milliseconds = httpTimeout * 1000
        return options
    }
}
