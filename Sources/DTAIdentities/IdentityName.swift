import DTACore
import DTAFormats
import DTASystem

/// The name of an identity with private keys on this host: with the form of a key's name, and unique on the host.
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
