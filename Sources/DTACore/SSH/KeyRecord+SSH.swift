import CustodyProtocol
import DTAFormats
import DTASSH

extension KeyRecord {
    /// The key as SSH knows it; nil if SSH knows no keys of its type.
    package var sshKey: SSHPublicKey? {
        switch type {
        case .ed25519: .ed25519(publicKey)
        case .p256: .ecdsa(.nistp256, publicKey)
        case .p384: .ecdsa(.nistp384, publicKey)
        case .rsa2048, .rsa3072, .rsa4096: rsaKey
        case .secp256k1, .hmacSHA256, .aes256, .p256ECDH, .p384ECDH: nil
        }
    }
}

extension KeyRecord {
    private var rsaKey: SSHPublicKey? {
        guard let modulus = (try? publicHalf())??.rsaModulus else { return nil }
        return .rsa(exponent: PublicKey.rsaExponent, modulus: modulus)
    }
}

extension SSHPublicKey {
    /// The bytes by which a key is found here; nil if no key here can be of this type.
    var publicBytes: [UInt8]? {
        switch self {
        case .ed25519(let bytes): bytes
        case .ecdsa(.nistp256, let point), .ecdsa(.nistp384, let point): point
        case .rsa(let exponent, let modulus): (try? PublicKey(rsaModulus: modulus, exponent: exponent))?.raw
        case .ecdsa(.nistp521, _): nil
        }
    }
}
