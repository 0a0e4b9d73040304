import ArgumentParser
import DTAAgent
import DTAConfiguration
import DTASystem
import Foundation
import Glibc
import Logging

/// Durable puts a second: the agent's block store, beside SQLite with one durable row for each.
struct StoreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "store", abstract: "Durable blocks a second, beside rows of plain SQLite.")

    @Argument(help: "An empty directory.") var directory: String
    @Option var seconds = 2.0
    @Option(help: "Bytes.") var size = 1024
    @Option var rounds = 3

    func run() throws {
        let state = "\(directory)/state"
        guard mkdir(state, 0o700) == 0 else { throw SystemCallError("mkdir", errno: errno) }
        var logger = Logger(label: "bench")
        logger.logLevel = .critical
        var configuration = Configuration(state: state)
        configuration.limits.ledgerBytesPerUser = 1 << 40
        let agent = try Agent(configuration, logger: logger) { _ in }
        let caller = UserDatabase.caller(uid: getuid())
        let plain = try PlainTable("\(directory)/plain.sqlite")
        var counter: UInt64 = 0
        func block() -> [UInt8] {
            counter += 1
            var bytes = [UInt8](repeating: 9, count: size)
            for place in 0..<8 { bytes[place] = UInt8(truncatingIfNeeded: counter >> (8 * place)) }
            return bytes
        }
        // In turns, because a disk's speed varies.
        var (ours, theirs): ([Double], [Double]) = ([], [])
        for _ in 0..<rounds {
            theirs.append(try rate(seconds: seconds) { try plain.put(block()) })
            ours.append(try rate(seconds: seconds) { _ = try agent.ledger.put(caller, data: block(), contentType: "") })
        }
        report([("puts", middle(ours)), ("sqlite", middle(theirs)), ("ratio", middle(zip(ours, theirs).map(/)))])
    }
}

func middle(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    return sorted.isEmpty ? .nan : sorted[sorted.count / 2]
}
