import DTACore
import DTAFormats
import DTASystem

/// The name of an identity whose private keys are here: formed as a key's, and unique on the host like it.
package struct IdentityName: Sendable, Hashable {
    package let text: String

    /// - Throws: `DTAError.invalidArgument`.
    package init(_ text: String) throws {
        try checkName(text, of: "identity")
        guard (try? CID(text)) == nil else {
            throw DTAError(.invalidArgument, "\(quoted(text)) cannot be the name of an identity: it is a CID")
        }
        guard text != IdentityService.agentName else {
            throw DTAError(.invalidArgument, "\(quoted(text)) is the name of the agent's own identity")
        }
        self.text = text
    }
}
