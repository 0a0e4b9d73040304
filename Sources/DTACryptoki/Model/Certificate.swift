/// An X.509 certificate (RFC 5280, 4.1), as far as PKCS#11 shows its parts.
public struct Certificate: Equatable, Sendable {
    /// All of it, in DER.
    public let bytes: [UInt8]
    /// Each in DER.
    let serialNumber: [UInt8]
    let issuer: [UInt8]
    let subject: [UInt8]
    let publicKeyInfo: [UInt8]

    /// - Returns: nil if these bytes are no certificate.
    public init?(_ bytes: [UInt8]) {
        var outer = DER(bytes)
        guard let content = outer.next(DER.sequence), outer.isAtEnd else { return nil }
        var parts = DER(content)
        guard let signed = parts.next(DER.sequence), parts.next(DER.sequence) != nil,
            parts.next(DER.bitString) != nil, parts.isAtEnd
        else { return nil }
        var fields = DER(signed)
        guard var field = fields.next() else { return nil }
        // The version is left out if it is 1.
        if field.tag == Certificate.version {
            guard let next = fields.next() else { return nil }
            field = next
        }
        guard field.tag == DER.integer, fields.next(DER.sequence) != nil,
            let issuer = fields.next(), issuer.tag == DER.sequence, fields.next(DER.sequence) != nil,
            let subject = fields.next(), subject.tag == DER.sequence,
            let info = fields.next(), info.tag == DER.sequence
        else { return nil }
        self.bytes = bytes
        serialNumber = Array(field.whole)
        self.issuer = Array(issuer.whole)
        self.subject = Array(subject.whole)
        publicKeyInfo = Array(info.whole)
    }

    /// [0] EXPLICIT.
    private static let version: UInt8 = 0xa0
}
