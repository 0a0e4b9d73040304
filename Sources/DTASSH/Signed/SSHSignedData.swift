/// What a program asks an agent to sign, as far as its bytes say.
///
/// The forms exclude each other: SSHSIG begins with its magic; a certificate with the name of its type, behind which a
/// nonce's length begins with 0; a request to log in has 50 behind its first string.
public enum SSHSignedData: Sendable, Equatable {
    case login(SSHLogin)
    case message(SSHSignedMessage)
    /// A certificate to be signed.
    case certificate(SSHCertificate)
    /// As long as an exchange hash, which a host signs (RFC 4253 §8): 32, 48 or 64 bytes.
    case exchangeHash
    /// As long as what `ssh-add -T` makes up: 1,024 bytes.
    case test
    case unknown

    /// - Parameter key: the key that is to sign.
    public init(_ bytes: [UInt8], by key: SSHPublicKey) {
        if let message = try? SSHSignedMessage(bytes) {
            self = .message(message)
        } else if let certificate = try? SSHCertificate(toBeSigned: bytes), certificate.authority == key {
            self = .certificate(certificate)
        } else if let login = try? SSHLogin(bytes, by: key) {
            self = .login(login)
        } else {
            switch bytes.count {
            case 32, 48, 64: self = .exchangeHash
            case 1024: self = .test
            default: self = .unknown
            }
        }
    }
}
