import CustodyProtocol
import DTAConfiguration
import DTACustody
import DTAFormats
import DTASystem
import Glibc

/// The command of the command line.
enum Command {
    case serve(configuration: String)
    case makeToken(configuration: String, pinFile: String, securityOfficerPINFile: String)
    case makeTokenFromInput(configuration: String)
    case makeKeys(configuration: String)
    case bind(BindCommand)
    case makeKeysFromInput(configuration: String)
    case changePIN(configuration: String)
    case checkPIN(configuration: String)
    case showPINLengths(configuration: String)
    case showImportKey(configuration: String, pinFile: String?)
    case showImportKeyFromInput(configuration: String)
    case version

    private static let usage = """
        usage: dtad-hsm --config FILE
               dtad-hsm --init --config FILE --pin-file FILE --so-pin-file FILE
               dtad-hsm --init --keys-only --config FILE
               dtad-hsm --init --pins-on-stdin --config FILE              the PIN and the SO PIN, each a line
               dtad-hsm --init --keys-only --pins-on-stdin --config FILE  the PIN
               dtad-hsm --change-pin --config FILE                        the old PIN and the new one on standard input
               dtad-hsm --check-pin --config FILE                         the PIN on standard input; one attempt
               dtad-hsm --pin-lengths --config FILE
               dtad-hsm --bind-order-keys --config FILE --input FILE --output FILE [--pin-file FILE] [ORDER.car...]
               dtad-hsm --import-key --config FILE [--pin-file FILE]      makes the key for imports, if it is missing
               dtad-hsm --import-key --pins-on-stdin --config FILE        the PIN
               dtad-hsm --version

        --bind-order-keys binds keys that an earlier release sealed by their ids only, while dtad is stopped:
        --input is the file of dtad bindings export, --output that for dtad bindings import, and each ORDER.car the
        principal's copy of an order (dtactl order send REF --out ORDER.car).
        """

    /// - Throws: `DTAError.invalidArgument` with the usage as its hint.
    init(_ arguments: [String]) throws {
        var rest = arguments[...]
        var flags: Set<String> = []
        var values: [String: String] = [:]
        var archives: [String] = []
        while let argument = rest.popFirst() {
            switch argument {
            case "--init", "--keys-only", "--pins-on-stdin", "--change-pin", "--check-pin", "--pin-lengths",
                "--bind-order-keys", "--import-key", "--version":
                flags.insert(argument)
            case "--config", "--pin-file", "--so-pin-file", "--input", "--output":
                guard let value = rest.popFirst(), values.updateValue(value, forKey: argument) == nil else {
                    throw DTAError(.invalidArgument, "\(argument) needs one file", hint: Command.usage)
                }
            default:
                guard !argument.hasPrefix("-"), flags == ["--bind-order-keys"] else {
                    throw DTAError(.invalidArgument, "unknown argument \(argument)", hint: Command.usage)
                }
                archives.append(argument)
            }
        }
        switch (flags, Set(values.keys)) {
        case (["--version"], []): self = .version
        case ([], ["--config"]): self = .serve(configuration: values["--config", default: ""])
        case (["--init", "--keys-only"], ["--config"]):
            self = .makeKeys(configuration: values["--config", default: ""])
        case (["--init", "--keys-only", "--pins-on-stdin"], ["--config"]):
            self = .makeKeysFromInput(configuration: values["--config", default: ""])
        case (["--init", "--pins-on-stdin"], ["--config"]):
            self = .makeTokenFromInput(configuration: values["--config", default: ""])
        case (["--change-pin"], ["--config"]): self = .changePIN(configuration: values["--config", default: ""])
        case (["--check-pin"], ["--config"]): self = .checkPIN(configuration: values["--config", default: ""])
        case (["--import-key"], ["--config"]), (["--import-key"], ["--config", "--pin-file"]):
            self = .showImportKey(configuration: values["--config", default: ""], pinFile: values["--pin-file"])
        case (["--import-key", "--pins-on-stdin"], ["--config"]):
            self = .showImportKeyFromInput(configuration: values["--config", default: ""])
        case (["--pin-lengths"], ["--config"]): self = .showPINLengths(configuration: values["--config", default: ""])
        case (["--init"], ["--config", "--pin-file", "--so-pin-file"]):
            self = .makeToken(
                configuration: values["--config", default: ""], pinFile: values["--pin-file", default: ""],
                securityOfficerPINFile: values["--so-pin-file", default: ""])
        case (["--bind-order-keys"], ["--config", "--input", "--output"]),
            (["--bind-order-keys"], ["--config", "--input", "--output", "--pin-file"]):
            self = .bind(
                BindCommand(
                    configuration: values["--config", default: ""], pinFile: values["--pin-file"],
                    input: values["--input", default: ""],
                    output: values["--output", default: ""], archives: archives))
        default: throw DTAError(.invalidArgument, "these arguments make no command", hint: Command.usage)
        }
    }

    /// Carries it out.
    /// - Returns: how the process is to end.
    func run() -> CustodyExit {
        do {
            switch self {
            case .version:
                print("dtad-hsm \(Version.current)")
            case .makeKeys(let file):
                let start = try HSMStart(configuration: file, becomesOwner: true)
                try TokenInitialisation.makeKeys(start.options, pin: try start.becomeOwner(pin: nil))
            case .makeKeysFromInput(let file):
                let pins = try PIN.readLines(1, from: STDIN_FILENO)
                try TokenInitialisation.makeKeys(try options(file), pin: pins[0])
            case .makeTokenFromInput(let file):
                let pins = try PIN.readLines(2, from: STDIN_FILENO)
                try TokenInitialisation.run(try options(file), pin: pins[0], securityOfficerPIN: pins[1])
            case .changePIN(let file):
                let pins = try PIN.readLines(2, from: STDIN_FILENO)
                try PINChange.change(try options(file), from: pins[0], to: pins[1])
            case .checkPIN(let file):
                let pins = try PIN.readLines(1, from: STDIN_FILENO)
                try PINChange.check(try options(file), pins[0])
            case .showPINLengths(let file):
                let lengths = try PINChange.lengths(try options(file))
                print("\(lengths.lowerBound) \(lengths.upperBound)")
            case .showImportKey(let file, let pinFile):
                let start = try HSMStart(configuration: file, becomesOwner: true)
                let pin = try start.becomeOwner(pin: pinFile)
                print(try TokenInitialisation.importingKey(start.options, pin: pin).pem, terminator: "")
            case .showImportKeyFromInput(let file):
                let pins = try PIN.readLines(1, from: STDIN_FILENO)
                print(try TokenInitialisation.importingKey(try options(file), pin: pins[0]).pem, terminator: "")
            case .makeToken(let file, let pinFile, let securityOfficerPINFile):
                let officer = try PIN.read(securityOfficerPINFile, ownersOnly: true)
                let start = try HSMStart(configuration: file, becomesOwner: true)
                try TokenInitialisation.run(
                    start.options, pin: try start.becomeOwner(pin: pinFile), securityOfficerPIN: officer)
            case .bind(let command): return try command.run()
            case .serve(let file):
                Hardening.lockMemory()
                return try Service(configuration: file).run()
            }
            return .finished
        } catch let error as CustodyStartError {
            complain(error.reason)
            return error.exit
        } catch {
            complain(DTAError(error))
            return .failed
        }
    }
}

/// The configuration for a command that gets the PINs: it runs as the token's owner.
private func options(_ configuration: String) throws -> HSMOptions {
    let start = try HSMStart(configuration: configuration, becomesOwner: true)
    try start.becomeOwner()
    return start.options
}

/// Says on standard error why it failed.
func complain(_ error: DTAError) {
    let text = "dtad-hsm: \(error.message)\n" + (error.hint.isEmpty ? "" : "  \(error.hint)\n")
    _ = Array(text.utf8).withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
}
