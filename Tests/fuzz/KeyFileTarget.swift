import DTABytes
import DTAFormats
import DTAKeyFiles

enum KeyFileTarget: FuzzTarget {
    static func run(_ bytes: [UInt8]) {
        for kind in [nil, TransportedKey.Kind.p256, .aes256] {
            guard let key = try? KeyFile.read(Secret(copying: bytes.span), as: kind) else { continue }
            claim(kind == nil || key.kind == kind, "a key has the type that was asked for")
            claim(key.secret.count == key.kind.byteCount, "a key has the bytes of its type")
            claim(key.publicKey?.algorithm == key.kind.algorithm, "a private key has a public half of its type")
        }
    }
}
