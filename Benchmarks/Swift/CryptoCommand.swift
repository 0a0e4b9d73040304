import ArgumentParser
import Crypto
import DTAFormats
import Foundation

/// The least cost of envelopes: the same cryptography by the bare library, on one thread, with keys in memory.
struct CryptoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "crypto",
        abstract:
            "Seals and opens a second by the crypto library alone, and durable rows of an envelope's size; MB/s of "
            + "its bulk parts.")

    @Option var recipients = [1, 10, 100, 1000]
    @Option(help: "Of each measurement.") var seconds = 1.0
    @Option(help: "Bytes of plaintext.") var body = 1024
    @Option(help: "An empty directory, to measure durable rows in.") var directory: String?

    func run() throws {
        let person = try Recipient("bench")
        let signer = Curve25519.Signing.PrivateKey()
        let plaintext = [UInt8](repeating: 7, count: body)
        var values: [(String, Double)] = []
        for count in recipients {
            values.append(
                (
                    "seal_\(count)",
                    try rate(seconds: seconds) { try BareEnvelope.seal(plaintext, person, count, signer) }
                ))
            values.append(
                (
                    "unsigned_\(count)",
                    try rate(seconds: seconds) { try BareEnvelope.seal(plaintext, person, count, nil) }
                ))
        }
        if let directory {
            let table = try PlainTable("\(directory)/envelopes.sqlite")
            for count in recipients {
                values.append(("commit_\(count)", try commits(table, size: size(person, count))))
            }
        }
        let envelope = try BareEnvelope.seal(plaintext, person, 1, signer)
        values.append(("open", try rate(seconds: seconds) { _ = try envelope.open(person, signer.publicKey) }))
        values.append(("unwrap", try rate(seconds: seconds) { _ = try envelope.unwrap(person) }))
        values += try bulk()
        report(values)
    }

    /// Bytes of an envelope to so many recipients.
    private func size(_ person: Recipient, _ count: Int) throws -> Int {
        let envelope = try EnvelopeSealer.seal(
            [UInt8](repeating: 7, count: body), content: "application/octet-stream", from: person.document.cid,
            to: [person.document], created: 1_760_000_000)
        let signed = try SignedEnvelope(signing: envelope, sender: person.document) { context, hash in
            Array(try person.signing.signature(for: SignedBytes.make(context: context, hash: hash)))
        }
        let wrap = DAGCBOR.Value.map([
            "enc": .bytes([UInt8](repeating: 0, count: 1120)), "key": .bytes([UInt8](repeating: 0, count: 48)),
        ])
        let more = try DAGCBOR.encode(.link(person.document.cid)).count + DAGCBOR.encode(wrap).count
        return signed.block.count + (count - 1) * more
    }

    private func commits(_ table: PlainTable, size: Int) throws -> Double {
        var counter: UInt64 = 0
        return try rate(seconds: seconds) {
            counter += 1
            var bytes = [UInt8](repeating: 9, count: size)
            for place in 0..<8 { bytes[place] = UInt8(truncatingIfNeeded: counter >> (8 * place)) }
            for place in 8..<16 { bytes[place] = UInt8(truncatingIfNeeded: size >> (8 * (place - 8))) }
            try table.put(bytes)
        }
    }

    /// AES-256-GCM over chunks of 64 KiB and SHA-256 over blocks of 15, each alone and one after the other.
    private func bulk() throws -> [(String, Double)] {
        let key = SymmetricKey(size: .bits256)
        let chunk = Data(repeating: 1, count: 64 << 10)
        let block = Data(repeating: 1, count: 15 * chunk.count)
        let megabytes = Double(block.count) / 1e6
        func encrypt() throws {
            for _ in 0..<15 {
                _ = try AES.GCM.seal(chunk, using: key, nonce: AES.GCM.Nonce(data: [UInt8](repeating: 0, count: 12)))
            }
        }
        let aes = try rate(seconds: seconds, encrypt)
        let sha = rate(seconds: seconds) { _ = SHA256.hash(data: block) }
        let both = try rate(seconds: seconds) {
            try encrypt()
            _ = SHA256.hash(data: block)
        }
        return [
            ("aes_mb_s", aes * megabytes), ("sha256_mb_s", sha * megabytes), ("aes_then_sha256_mb_s", both * megabytes),
        ]
    }
}

/// An envelope's cryptography without its formats: a wrap for each recipient, two derivations, one body, one signature
/// or, if another program signs, none.
struct BareEnvelope {
    private static let suite = HPKE.Ciphersuite.XWingMLKEM768X25519_SHA256_AES_GCM_256
    private static let info = Data(repeating: 3, count: 83)
    private let enc: Data
    private let key: Data
    private let body: AES.GCM.SealedBox
    private let signature: Data
    private let hash: Data

    @discardableResult
    static func seal(
        _ plaintext: [UInt8], _ recipient: Recipient, _ count: Int, _ signer: Curve25519.Signing.PrivateKey?
    ) throws -> BareEnvelope {
        let content = SymmetricKey(size: .bits256)
        var wraps: [(Data, Data)] = []
        for _ in 0..<count {
            var sender = try HPKE.Sender(recipientKey: recipient.kem.publicKey, ciphersuite: suite, info: info)
            let key = try unsafe content.withUnsafeBytes { unsafe try sender.seal(Data($0)) }
            wraps.append((sender.encapsulatedKey, key))
        }
        let body = try AES.GCM.seal(plaintext, using: derive(content, "body"))
        let commit = derive(content, "commit")
        var hasher = SHA256()
        for (enc, key) in wraps {
            hasher.update(data: enc)
            hasher.update(data: key)
        }
        unsafe commit.withUnsafeBytes { unsafe hasher.update(bufferPointer: $0) }
        hasher.update(data: body.ciphertext)
        let hash = Data(hasher.finalize())
        return BareEnvelope(
            enc: wraps[0].0, key: wraps[0].1, body: body, signature: try signer?.signature(for: hash) ?? Data(),
            hash: hash)
    }

    func unwrap(_ recipient: Recipient) throws -> SymmetricKey {
        var opener = try HPKE.Recipient(
            privateKey: recipient.kem, ciphersuite: BareEnvelope.suite, info: BareEnvelope.info, encapsulatedKey: enc)
        return SymmetricKey(data: try opener.open(key))
    }

    func open(_ recipient: Recipient, _ sender: Curve25519.Signing.PublicKey) throws -> Data {
        guard sender.isValidSignature(signature, for: hash) else { throw CryptoKitError.authenticationFailure }
        let content = try unwrap(recipient)
        _ = BareEnvelope.derive(content, "commit")
        return try AES.GCM.open(body, using: BareEnvelope.derive(content, "body"))
    }

    private static func derive(_ key: SymmetricKey, _ label: String) -> SymmetricKey {
        HKDF<SHA256>.deriveKey(
            inputKeyMaterial: key, salt: Data(repeating: 5, count: 32), info: Data(label.utf8), outputByteCount: 32)
    }
}
