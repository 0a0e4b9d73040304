import DTABytes

/// An answer of the SSH agent protocol (RFC 9987 §5).
public enum SSHAgentAnswer: Sendable {
    case success
    /// The one error of the protocol, which says nothing more.
    case failure
    /// An extension that is known has failed.
    case extensionFailure
    /// Keys with their comments.
    case identities([(blob: [UInt8], comment: String)])
    case signature(SSHSignature)
    /// The names of the extensions that there are.
    case extensions([String])

    /// With its length.
    public var frame: [UInt8] {
        var body = SSHWriter()
        switch self {
        case .failure: body.byte(5)
        case .success: body.byte(6)
        case .identities(let identities):
            body.byte(12)
            body.uint32(UInt32(truncatingIfNeeded: identities.count))
            for identity in identities {
                body.string(identity.blob)
                body.string(identity.comment)
            }
        case .signature(let signature):
            body.byte(14)
            body.string(signature.encoded)
        case .extensionFailure: body.byte(28)
        case .extensions(let names):
            body.byte(29)
            body.string("query")
            for name in names { body.string(name) }
        }
        var frame = SSHWriter()
        frame.string(body.bytes)
        return frame.bytes
    }
}
