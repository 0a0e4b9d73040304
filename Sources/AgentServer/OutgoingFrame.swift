import DTABytes

/// An answer as it was encoded, on its way to its client.
enum OutgoingFrame: Sendable {
    case plain([UInt8])
    /// Zeroed when it is sent, or given up.
    case secret(SecretReference)

    /// - Parameter frame: overwritten here if it is a secret.
    init(taking frame: inout [UInt8], isSecret: Bool = false) {
        self = isSecret ? .secret(SecretReference(Secret(taking: &frame))) : .plain(frame)
    }

    var count: Int {
        switch self {
        case .plain(let bytes): bytes.count
        case .secret(let secret): secret.count
        }
    }

    func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        switch self {
        case .plain(let bytes): bytes.withUnsafeBytes(body)
        case .secret(let secret): secret.withUnsafeBytes(body)
        }
    }
}
