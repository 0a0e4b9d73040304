import CustodyProtocol
import DTABytes
import DTACustody
import DTASystem
import Glibc

/// `dtad-hsm --bind-order-keys`: an administrator's command while dtad is stopped. Root starts it; it opens the files
/// with root's rights, and then works as the token's owner.
struct BindCommand {
    let configuration: String
    /// The file with the PIN, if neither the service manager nor the configuration names one: with the wall only root
    /// can read it.
    let pinFile: String?
    /// The file of `dtad bindings export`.
    let input: String
    /// The file for `dtad bindings import`.
    let output: String
    /// The principals' copies of part 2.
    let archives: [String]

    private static let inputLimit = 1 << 30
    private static let archiveLimit = 64 << 20

    func run() throws -> CustodyExit {
        let start = try HSMStart(configuration: configuration, becomesOwner: true)
        let keys = try CommandFile.read(input, atMost: BindCommand.inputLimit)
        let copies = try archives.map {
            (name: $0, bytes: try CommandFile.read($0, atMost: BindCommand.archiveLimit))
        }
        let target = try CommandFile.make(output)
        let pin = try start.becomeOwner(pin: pinFile, hint: "name the file with the PIN by --pin-file")
        let lock = try ServingLock.alone(start.options)
        return try withExtendedLifetime(lock) {
            let (bound, outcomes) = try KeyBinding.run(
                Custody(start.options, pin: pin), UnboundKeys(keys), archives: copies)
            try CommandFile.write(bound.encoded, to: target)
            for outcome in outcomes {
                if let key = outcome.key {
                    print(
                        "bound      \(outcome.subject)\n           to the key with SHA-256 \(Hexadecimal.encode(key))")
                } else {
                    print("\(outcome.isRefusal ? "REFUSED  " : "not bound")  \(outcome.subject): \(outcome.reason)")
                }
            }
            print("\(bound.bindings.count) bound: dtad bindings import \(output) takes them in")
            return outcomes.contains { $0.isRefusal } ? .failed : .finished
        }
    }
}
