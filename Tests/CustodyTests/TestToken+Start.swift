import CustodyProtocol
import TestSupport

extension TestToken {
    /// Where dtad-hsm remembers the PIN that the token refused.
    var refusedPIN: String { directory.file("hsm.lock.refused-pin") }

    /// Why dtad-hsm does not start.
    func refusal() throws -> CustodyStartError {
        do {
            _ = try HSMProcess(self).connect()
        } catch let error as CustodyStartError {
            return error
        }
        throw TestFailure("dtad-hsm serves")
    }

    /// Whether a new dtad-hsm starts and answers.
    func serves() throws -> Bool { try HSMProcess(self).connect().ask(DrawRandom(count: 1)).count == 1 }
}
