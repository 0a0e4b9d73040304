import DTACore
import DTAFormats
import DTAIdentities
import DTASystem

/// A part that came: verified, but not opened.
struct IncomingPart: Sendable {
    let signed: SignedEnvelope
    let kind: OrderPartKind
    /// The sender's standing when it came.
    let standing: String
    /// The own identity that can open it; nil: it is sealed to others.
    let reader: IdentityRecord?
}

extension OrderPartKind {
    /// The kind of part that an envelope's media type names.
    /// - Throws: `DTAError.invalidArgument` if it is no part of an order.
    init(of signed: SignedEnvelope) throws {
        let content = signed.envelope.header.content
        guard let kind = OrderPartKind(contentType: content) else {
            throw DTAError(
                .invalidArgument, "the envelope \(signed.cid) is no part of an order: its content is \(quoted(content))"
            )
        }
        guard !signed.envelope.isPublic, signed.envelope.body != nil else {
            throw DTAError(
                .invalidArgument, "the envelope \(signed.cid) is no part of an order: parts are sealed, in one block")
        }
        self = kind
    }
}
