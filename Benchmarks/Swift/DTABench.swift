import ArgumentParser

/// The parts of the benchmark that need the project's own modules, and the bare libraries that they are compared with.
/// Each command prints one line of JSON; `Benchmarks/run` makes tables of them.
@main
struct DTABench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dta-bench", abstract: "Measures, for Benchmarks/run.",
        subcommands: [
            CryptoCommand.self, EnvelopesCommand.self, CodecCommand.self, StoreCommand.self, DiskCommand.self,
            OrdersCommand.self,
        ])
}

/// Prints what was measured.
func report(_ values: [(String, Double)]) {
    let members = values.map { name, value in "\"\(name)\": \(value)" }
    print("{\(members.joined(separator: ", "))}")
}
