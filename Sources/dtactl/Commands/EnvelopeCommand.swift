import ArgumentParser

struct EnvelopeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "envelope", abstract: "Envelopes: sealed to identities, signed by one, published by CID.",
        subcommands: [
            EnvelopeSealCommand.self, EnvelopeOpenCommand.self, EnvelopeThreadCommand.self, EnvelopeVerifyCommand.self,
            EnvelopeInspectCommand.self,
        ])
}
