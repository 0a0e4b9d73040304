import AgentProtocol
import Crypto
import DTABytes
import DTAFormats
import DTASystem
import Glibc

/// An offline recovery key as a text file that can be printed: PKCS#8 in PEM (RFC 8410), after text that explains it.
/// Any program that knows Ed25519 keys can read it.
struct RecoveryKeyFile {
    /// DER of PrivateKeyInfo with an Ed25519 key, up to the 32 bytes of the key itself.
    private static let prefix: [UInt8] = [
        0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
    ]
    private static let begin = "-----BEGIN PRIVATE KEY-----"
    private static let end = "-----END PRIVATE KEY-----"
    private static let fingerprintLabel = "fingerprint: "
    /// The most bytes that are read of a file.
    private static let limit = 64 << 10

    let path: String
    let publicKey: RecoveryKey
    private let key: Curve25519.Signing.PrivateKey

    private init(path: String, key: Curve25519.Signing.PrivateKey) throws {
        self.path = path
        self.key = key
        publicKey = try RecoveryKey(raw: Array(key.publicKey.rawRepresentation))
    }

    /// The signature function for `Consent` and the agent.
    func sign(context: String, hash: [UInt8]) throws -> [UInt8] {
        Array(try key.signature(for: SignedBytes.make(context: context, hash: hash)))
    }

    var consent: Consent { .recovery(key: publicKey.raw, sign: sign) }

    // MARK: Making

    /// Makes a key and writes it to a new file, durably, before anything depends on it.
    /// - Parameter identity: the name of the key's identity, for a person who finds the paper.
    static func make(_ path: String, for identity: String) throws -> RecoveryKeyFile {
        guard path != "-" else {
            throw Failure.usage("a recovery key is written to a file, not to standard output")
        }
        let file = try RecoveryKeyFile(path: path, key: Curve25519.Signing.PrivateKey())
        let text = file.text(for: identity)
        do {
            let new = Descriptor(
                owning: try systemCall("open") {
                    open(NativeText.path(path), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
                })
            try text.withUnsafeBytes { try new.write($0) }
            try systemCall("fsync") { fsync(new.number) }
        } catch let error as SystemCallError where error.errno == EEXIST {
            throw Failure.failed(
                .failedPrecondition, "\(path) is there already: a recovery key never takes the place of a file",
                hint: "name a new file")
        } catch let error as SystemCallError {
            throw Failure.failed(.unavailable, "\(path) cannot be written: \(error)")
        }
        return file
    }

    /// Runs `body`, which makes an identity that names the key. If that was refused, removes the file; if it is not
    /// known whether the identity was made, the file stays.
    func discarding<Result>(_ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch {
            let code = (error as? DTAError)?.code
            if error is AgentUnreachable || ![nil, .unavailable, .internal].contains(code) { OutputFile.remove(path) }
            throw error
        }
    }

    private func text(for identity: String) -> Secret {
        var raw = key.rawRepresentation
        let der = Secret(taking: &raw).between(RecoveryKeyFile.prefix, [])
        let head = """
            The recovery key of the D-TA identity \(SafeText.line(identity)).

            With this key anybody can revoke the identity, or replace it by another, also against the will of those who
            have the identity's own keys. It is for the day on which those are lost or stolen. Keep it offline: print
            this page, or move the file to a medium that lies in a safe. Keep it on no host that runs an agent.

            \(RecoveryKeyFile.fingerprintLabel)\(Hexadecimal.encode(publicKey.fingerprint))

            \(RecoveryKeyFile.begin)

            """
        return Base64.encode(secret: der).between(Array(head.utf8), Array("\n\(RecoveryKeyFile.end)\n".utf8))
    }

    /// Tells people on standard error what was made, and how to keep it.
    func tellHowToKeep() {
        StandardError.line(
            """
            \(SafeText.line(path)): the recovery key, in the clear (fingerprint \(Hexadecimal.encode(publicKey.fingerprint).prefix(16))…).
            Print it, or move it to a medium that lies in a safe, then delete the file. It cannot be made again, and the
            agent does not have it. It replaces or revokes the identity when the keys here are lost or stolen.
            """)
    }

    // MARK: Reading

    /// Reads a key that `make` wrote, or that another program wrote in the same form.
    init(reading path: String) throws {
        let file = try InputFile(path)
        let text = SecretLines(try file.secret(limit: RecoveryKeyFile.limit))
        guard let begin = text.first(RecoveryKeyFile.begin),
            let end = text.first(RecoveryKeyFile.end, behind: begin),
            let der = Base64.decode(secret: text.joined(begin + 1..<end))
        else {
            throw RecoveryKeyFile.unreadable(file.name, "it has no private key in PEM")
        }
        let key = der.withUnsafeBytes { der -> Curve25519.Signing.PrivateKey? in
            guard der.count == RecoveryKeyFile.prefix.count + 32, der.starts(with: RecoveryKeyFile.prefix) else {
                return nil
            }
            return try? Curve25519.Signing.PrivateKey(rawRepresentation: der.suffix(32))
        }
        guard let key else {
            throw RecoveryKeyFile.unreadable(file.name, "its key is not an Ed25519 one in PKCS#8")
        }
        try self.init(path: path, key: key)
        // Text typed from paper may have a mistake, which the key alone does not reveal.
        let told = text.first(beginningWith: RecoveryKeyFile.fingerprintLabel)
        guard told.map({ $0 == RecoveryKeyFile.fingerprintLabel + Hexadecimal.encode(publicKey.fingerprint) }) ?? true
        else {
            throw RecoveryKeyFile.unreadable(file.name, "the key is not the one of its fingerprint: is a letter wrong?")
        }
    }

    private static func unreadable(_ name: String, _ why: String) -> Failure {
        .failed(
            .invalidArgument, "\(name) is no recovery key: \(why)",
            hint: "dtactl identity create --recovery FILE writes one")
    }
}
