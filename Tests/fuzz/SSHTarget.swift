@testable import DTASSH

/// What comes over ssh.sock, what is signed there, and the files of SSH that people name.
enum SSHTarget: FuzzTarget {
    /// The key of the seeds: a request to log in names the key that is to sign it.
    private static let key = SSHPublicKey.ed25519([UInt8](repeating: 1, count: 32))

    static func run(_ bytes: [UInt8]) {
        request(bytes)
        keys(bytes)
        signed(bytes)
        if let destinations = try? SSHDestination.decode(bytes) {
            claim(destinations.count <= SSHDestination.limit, "a key has a bounded number of destinations")
            let again = try? SSHDestination.decode(SSHDestination.encode(destinations))
            claim(again == destinations, "destinations are read as they were written")
        }
        let text = String(decoding: bytes, as: UTF8.self)
        for known in SSHKnownHosts.keys(of: "h", in: text) {
            claim((try? SSHPublicKey(blob: known.key.blob)) == known.key, "a known key is a key")
        }
        _ = try? SSHPublicKey.line(text)
    }

    private static func request(_ bytes: [UInt8]) {
        guard let request = try? SSHAgentRequest(bytes) else { return }
        switch request {
        case .sign(let key, let data, let flags):
            var writer = SSHWriter()
            writer.byte(13)
            writer.string(key.blob)
            writer.string(data)
            writer.uint32(flags)
            claim(writer.bytes == bytes, "a request to sign has one form")
            _ = SSHSignedData(data, by: key.plain)
        case .bind(let request):
            var bindings = SSHBindings()
            for _ in 0..<2 { try? bindings.add(request) }
            claim(bindings.wasAttempted && bindings.all.count <= 1, "a session is bound once")
            claim(bindings.all.isEmpty || request.isSigned, "a binding is signed")
        default: break
        }
    }

    private static func keys(_ bytes: [UInt8]) {
        if let key = try? SSHPublicKey(blob: bytes) {
            claim((try? SSHPublicKey(blob: key.blob)) == key, "a key is read as it was written")
        }
        if let key = try? SSHKey(blob: bytes) {
            claim(key.blob == bytes, "a key keeps its bytes")
            if let certificate = key.certificate {
                claim(certificate.principals.count <= SSHCertificate.principalLimit, "names are bounded")
                claim(certificate.signedBytes.count < bytes.count, "a signature is not signed")
                _ = certificate.vouches(forHost: "h", now: 1)
            }
        }
        if let signature = try? SSHSignature(bytes) {
            claim(signature.encoded == bytes, "a signature has one form")
            claim(!signature.isValid(for: [1, 2, 3], by: key), "nobody can sign for this key")
        }
    }

    private static func signed(_ bytes: [UInt8]) {
        switch SSHSignedData(bytes, by: key) {
        case .login(let login):
            claim(login.key.plain == key && !login.sessionID.isEmpty, "a log-in is by the key that signs it")
        case .message(let message): claim(!message.namespace.isEmpty, "a message has a namespace")
        case .certificate(let certificate): claim(certificate.authority == key, "an authority signs for itself")
        case .exchangeHash: claim([32, 48, 64].contains(bytes.count), "an exchange hash has its length")
        case .test: claim(bytes.count == 1024, "a test has its length")
        case .unknown: break
        }
    }
}
