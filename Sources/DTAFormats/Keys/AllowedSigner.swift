/// A line of OpenSSH's allowed_signers (ssh-keygen(1), "ALLOWED SIGNERS"): whose signatures a key makes, as
/// `ssh-keygen -Y verify` and git (`gpg.ssh.allowedSignersFile`) ask.
public struct AllowedSigner: Sendable {
    public let principal: String
    public let namespaces: [String]

    /// - Parameters:
    ///   - principal: one name, such as `alice@example.org`. The file has patterns there, and lists of them: what would
    ///     match other names, or end the name, is refused.
    ///   - namespaces: those for which the key counts, such as `git`; none: all.
    /// - Throws: `FormatError` for a principal or a namespace that is not one word.
    public init(principal: String, namespaces: [String] = []) throws {
        for (word, what) in [(principal, "principal")] + namespaces.map({ ($0, "namespace") }) {
            let isWord = word.unicodeScalars.allSatisfy { scalar in
                scalar.value > 0x20 && scalar.value != 0x7f && !"\"'\\,*?!#".unicodeScalars.contains(scalar)
                    && scalar.properties.generalCategory != .control && !scalar.properties.isWhitespace
            }
            guard !word.isEmpty, word.utf8.count <= 256, isWord else {
                throw FormatError(
                    .invalidArgument,
                    "a \(what) is one word of 1 to 256 bytes, without quotes and without any of \\ , * ? ! #")
            }
        }
        self.principal = principal
        self.namespaces = namespaces
    }

    /// The line, without a line end.
    /// - Throws: `FormatError` for keys that SSH does not know.
    public func line(_ key: PublicKey) throws -> String {
        let options = namespaces.isEmpty ? "" : " namespaces=\"\(namespaces.joined(separator: ","))\""
        return "\(principal)\(options) \(try key.openSSH())"
    }
}
