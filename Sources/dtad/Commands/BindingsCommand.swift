import ArgumentParser
import CustodyProtocol
import DTAConfiguration
import DTAMaintenance
import DTASystem

struct BindingsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bindings", abstract: "Bind keys that an earlier release sealed by their ids only.",
        discussion: """
            Earlier releases sealed the keys of sign orders, and identities' post-quantum keys, by the id of an \
            object on the token. Such keys are not used until they are bound to the key itself, by these three \
            commands, as root, while all units of dtad are stopped:

              dtad bindings export FILE --config /etc/dtad/dtad.yaml
              /usr/local/libexec/dtad/dtad-hsm --bind-order-keys --config /etc/dtad/dtad.yaml \\
                --pin-file /etc/dtad/hsm-pin --input FILE --output BOUND ORDER.car...
              dtad bindings import BOUND --config /etc/dtad/dtad.yaml

            ORDER.car is the principal's copy of an order: dtactl order send REF --out ORDER.car, on the principal's \
            host. dtad check says how many keys are not bound.
            """,
        subcommands: [Export.self, Import.self])

    struct Export: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "export", abstract: "Export the keys of the state, for dtad-hsm --bind-order-keys.",
            discussion: """
                The file holds no secret in the clear; only its owner may read it.

                Example: dtad bindings export /root/unbound.dta --config /etc/dtad/dtad.yaml
                """)

        @Argument(help: ArgumentHelp("The file to write.", valueName: "file"))
        var file: String

        @Option(help: ArgumentHelp("The configuration.", valueName: "file"))
        var config = Dtad.installedConfiguration

        func run() throws {
            try failing {
                let caution = try RootCaution(config)
                let owner = try caution.check()
                let target = try CommandFile.make(file)
                try owner?.become()
                let bindings = try KeyBindings(state: caution.configuration.state)
                let keys = try bindings.export()
                try CommandFile.write(keys.encoded, to: target)
                let unbound = try bindings.count()
                print(
                    "exported  \(counted(keys.orders.count, "key of an order", "keys of orders")) and "
                        + counted(keys.identities.count, "identity", "identities"))
                print(
                    "          \(unbound.sentence.map { "\($0): dtad-hsm --bind-order-keys" } ?? "all of them are bound: there is nothing to do")"
                )
            }
        }
    }

    struct Import: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "import", abstract: "Import the result of dtad-hsm --bind-order-keys.",
            discussion: """
                The audit log records each bound key when dtad starts again.

                Example: dtad bindings import /root/bound.dta --config /etc/dtad/dtad.yaml
                """)

        @Argument(help: ArgumentHelp("The file that dtad-hsm --bind-order-keys wrote.", valueName: "file"))
        var file: String

        @Option(help: ArgumentHelp("The configuration.", valueName: "file"))
        var config = Dtad.installedConfiguration

        private static let limit = 1 << 30

        func run() throws {
            try failing {
                let caution = try RootCaution(config)
                let owner = try caution.check()
                let bytes = try CommandFile.read(file, atMost: Import.limit)
                try owner?.become()
                let bindings = try KeyBindings(state: caution.configuration.state)
                let (taken, stale) = try bindings.take(try BoundKeys(bytes))
                print("bound     \(taken) keys")
                if stale > 0 {
                    print("left out  \(stale), which the state does not have any more, or has bound already")
                }
                if let sentence = try bindings.count().sentence { print("left      \(sentence)") }
            }
        }
    }
}
