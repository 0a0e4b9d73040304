import DTAMaintenance
import DTASystem

/// A dtad-hsm that carries out one command and ends, with the rights of the token's owner.
enum CustodyCommand {
    /// - Parameters: `pins`: passed through its standard input, each a line; `user`: nil: the user who runs this.
    /// - Returns: its exit status, and its output.
    static func run(
        _ arguments: [String], pins: [SecretBytes] = [], as user: StateOwner?
    ) throws -> (status: Int32, output: String) {
        let lines = try pins.map(PINFile.line)
        let body = { () throws -> [String] in
            let done = try PipedCommand(arguments, input: lines)
            return ["\(done.status)", done.output.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }]
        }
        let answer = try user?.run(body) ?? body()
        guard answer.count == 2, let status = Int32(answer[0]) else {
            throw DTAError(.internal, "dtad-hsm ended, and how it ended was not told")
        }
        return (status, answer[1])
    }
}
