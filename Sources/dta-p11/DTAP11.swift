import DTACryptoki
import DTASystem
import Glibc

/// The program that p11-kit runs in a client of PKCS#11, as the client's user: it serves the token on standard input and
/// output, and asks dtad for what needs the HSM.
@main
struct DTAP11 {
    static func main() {
        StandardDescriptors.fill()
        do {
            switch try Command(Array(NativeText.arguments.dropFirst())) {
            case .version: print(Version.current)
            case .help: print(Command.usage)
            case .serve(let options): try serve(options)
            }
        } catch let error as UsageError {
            say("dta-p11: \(error.sentence)\n\(Command.usage)\n")
            exit(2)
        } catch {
            // The client has gone, or said what is no frame: it knows, and its user's terminal is not for this.
            exit(1)
        }
    }

    private static func serve(_ options: Command.Options) throws {
        guard isatty(STDIN_FILENO) == 0 else {
            throw UsageError(sentence: "p11-kit runs this program; it is of no use on a terminal")
        }
        // A client that has gone is an error of write(2). What a person types at the client's terminal is the client's to
        // obey: this program ends with the client.
        for number in [SIGPIPE, SIGINT, SIGQUIT, SIGHUP] { signal(number, SIG_IGN) }
        let agent = AgentTokens(socket: options.socket, wait: options.wait)
        var channel = Channel(input: STDIN_FILENO, output: STDOUT_FILENO)
        try channel.serve(
            Cryptoki(agent: agent, clock: monotonicNanoseconds, showsAll: options.showsAll))
    }

    private static func say(_ text: String) { try? writeAll(Array(text.utf8), to: STDERR_FILENO) }
}
