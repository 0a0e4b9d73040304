import Crypto
import CustodyProtocol
import DTAFormats
import DTASystem
import Foundation
import TestSupport

/// A custodian in software, for what DTACore decides around the HSM: its objects are files of a directory, so that they
/// outlive a process that is killed. dtad-hsm itself is tested with a real token elsewhere.
final class SoftwareCustodian: Custodian {
    let directory: String
    /// Called with the operation's name before it is done; what it throws is the HSM's failure.
    let before = Locked<@Sendable (String) throws -> Void>({ _ in })
    /// The core hashes of the envelopes that were opened, one for each time.
    let opened = Locked<[[UInt8]]>([])

    init(_ directory: String) throws {
        self.directory = directory
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    }

    func fail(_ operation: String, with error: DTAError) {
        before.withLock { $0 = { if $0 == operation { throw error } } }
    }

    func failNothing() { before.withLock { $0 = { _ in } } }

    func reach(_ operation: String) throws {
        let before = before.withLock { $0 }
        try before(operation)
    }

    // MARK: Objects

    /// Puts an object there, as somebody else's program could.
    func put(_ objectClass: ObjectClass, _ owner: ObjectOwner, _ id: ObjectID, _ secret: [UInt8]) throws {
        let name = "\(objectClass.rawValue)-\(owner.uid)-\(id.bytes.map { String(format: "%02x", $0) }.joined())"
        guard FileManager.default.createFile(atPath: "\(directory)/\(name)", contents: Data(secret)) else {
            throw TestFailure("cannot write \(name)")
        }
    }

    private func files() throws -> [(file: String, object: TokenObject)] {
        try FileManager.default.contentsOfDirectory(atPath: directory).compactMap { name in
            let parts = name.split(separator: "-")
            guard parts.count == 3 else { return nil }
            let bytes = stride(from: 0, to: 32, by: 2).map { at in
                UInt8(parts[2].dropFirst(at).prefix(2), radix: 16)!
            }
            let object = TokenObject(
                objectClass: ObjectClass(rawValue: UInt8(parts[0])!)!, owner: ObjectOwner(uid: UInt32(parts[1])!),
                id: try ObjectID(bytes))
            return ("\(directory)/\(name)", object)
        }
    }

    var count: Int { get throws { try files().count } }

    func secret(_ objectClass: ObjectClass, _ id: ObjectID) throws -> [UInt8] {
        guard let found = try files().first(where: { $0.object.id == id && $0.object.objectClass == objectClass })
        else {
            throw DTAError(.notFound, "no such object")
        }
        return Array(try Data(contentsOf: URL(fileURLWithPath: found.file)))
    }

    func list(_ objectClass: ObjectClass) throws -> [TokenObject] {
        try reach("list")
        return try files().map(\.object).filter { $0.objectClass == objectClass }
    }

    func delete(_ objectClass: ObjectClass, id: ObjectID) throws {
        try reach("delete")
        for (file, object) in try files() where object.id == id && object.objectClass == objectClass {
            try FileManager.default.removeItem(atPath: file)
        }
    }

    func forget(_ id: ObjectID) throws {}

    func describe() throws -> TokenDescription {
        TokenDescription(
            label: "test", serial: "1", manufacturer: "", model: "", library: "", keyTypes: KeyType.allCases,
            maximumSessions: 0, pid: 0, uid: 0, memoryShortfall: "")
    }

    func random(count: Int) throws -> [UInt8] {
        try reach("random")
        return bytes(count)
    }

    private func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8.random(in: 0...255) } }

    // MARK: Users' keys

    func generate(_ type: KeyType, owner: ObjectOwner, id: ObjectID) throws -> [UInt8] {
        try reach("generate")
        let (secret, publicKey): ([UInt8], [UInt8]) =
            switch type {
            case .ed25519:
                { (Array($0.rawRepresentation), Array($0.publicKey.rawRepresentation)) }(
                    Curve25519.Signing.PrivateKey())
            case .p256:
                { (Array($0.rawRepresentation), Array($0.publicKey.x963Representation)) }(P256.Signing.PrivateKey())
            case .p384:
                { (Array($0.rawRepresentation), Array($0.publicKey.x963Representation)) }(P384.Signing.PrivateKey())
            case .hmacSHA256, .aes256: (bytes(32), [])
            case .secp256k1: throw DTAError(.failedPrecondition, "the token lacks the mechanism for secp256k1")
            }
        try put(.user, owner, id, [type.rawValue] + secret)
        return publicKey
    }

    func publicKey(_ id: ObjectID) throws -> (KeyType, [UInt8]) { throw DTAError(.internal, "not asked for here") }

    func sign(_ id: ObjectID, input: [UInt8]) throws -> [UInt8] {
        try reach("sign")
        let stored = try secret(.user, id)
        let key = stored.dropFirst()
        switch KeyType(rawValue: stored[0]) {
        case .ed25519: return Array(try Curve25519.Signing.PrivateKey(rawRepresentation: key).signature(for: input))
        case .p256:
            return Array(
                try P256.Signing.PrivateKey(rawRepresentation: key).signature(for: Given(input)).rawRepresentation)
        case .p384:
            return Array(
                try P384.Signing.PrivateKey(rawRepresentation: key).signature(for: Given(input)).rawRepresentation)
        default: throw DTAError(.internal, "not a signing key")
        }
    }

    /// A digest that was made elsewhere.
    private struct Given: Digest {
        static var byteCount: Int { 32 }
        let bytes: [UInt8]
        init(_ bytes: [UInt8]) { self.bytes = bytes }
        var description: String { "digest" }
        func makeIterator() -> [UInt8].Iterator { bytes.makeIterator() }
        func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
            try bytes.withUnsafeBytes(body)
        }
    }

    func mac(_ id: ObjectID, input: [UInt8]) throws -> [UInt8] {
        let key = SymmetricKey(data: try secret(.user, id).dropFirst())
        return Array(HMAC<SHA256>.authenticationCode(for: input, using: key))
    }

    func encrypt(_ id: ObjectID, plaintext: [UInt8], aad: [UInt8]) throws -> [UInt8] {
        let key = SymmetricKey(data: try secret(.user, id).dropFirst())
        return Array(try AES.GCM.seal(plaintext, using: key, authenticating: aad).combined!)
    }

    func decrypt(_ id: ObjectID, ciphertext: [UInt8], aad: [UInt8]) throws -> [UInt8] {
        let key = SymmetricKey(data: try secret(.user, id).dropFirst())
        return Array(try AES.GCM.open(AES.GCM.SealedBox(combined: ciphertext), using: key, authenticating: aad))
    }

    // MARK: Identities

    func createIdentity(owner: ObjectOwner, signing: ObjectID, kem: ObjectID) throws -> CreatedIdentityKeys {
        try reach("createIdentity")
        let (ed25519, x25519) = (Curve25519.Signing.PrivateKey(), Curve25519.KeyAgreement.PrivateKey())
        let mlkem = try MLKEM768.PrivateKey()
        try put(.identitySigning, owner, signing, Array(ed25519.rawRepresentation))
        try put(.identityKEM, owner, kem, Array(x25519.rawRepresentation))
        return CreatedIdentityKeys(
            signingType: .ed25519, signing: Array(ed25519.publicKey.rawRepresentation),
            kem: Array(mlkem.publicKey.rawRepresentation) + Array(x25519.publicKey.rawRepresentation),
            sealedSeed: Array(mlkem.seedRepresentation))
    }

    func signDocument(_ id: ObjectID, context: String, hash: [UInt8]) throws -> [UInt8] {
        try reach("signDocument")
        let key = try Curve25519.Signing.PrivateKey(rawRepresentation: try secret(.identitySigning, id))
        return Array(try key.signature(for: try SignedBytes.make(context: context, hash: hash)))
    }

    func createPostQuantumKey(_ signing: ObjectID) throws -> PostQuantumKey {
        try reach("createPostQuantumKey")
        _ = try secret(.identitySigning, signing)
        let key = try MLDSA65.PrivateKey()
        return PostQuantumKey(
            publicKey: Array(key.publicKey.rawRepresentation), sealedSeed: Array(key.seedRepresentation))
    }

    func signPostQuantum(
        _ signing: ObjectID, key: PostQuantumKey, context: String, hash: [UInt8]
    ) throws -> [UInt8] {
        try reach("signPostQuantum")
        _ = try secret(.identitySigning, signing)
        let key = try MLDSA65.PrivateKey(seedRepresentation: key.sealedSeed, publicKey: nil)
        return Array(try key.signature(for: try SignedBytes.make(context: context, hash: hash)))
    }

    func openKey(
        kem: ObjectID, owner: ObjectOwner, publicKEM: [UInt8], sealedSeed: [UInt8], coreHash: [UInt8],
        recipient: [UInt8], enc: [UInt8], key: [UInt8]
    ) throws -> [UInt8] {
        try reach("openKey")
        opened.withLock { $0.append(coreHash) }
        return try contentKey(
            kem: kem, publicKEM: publicKEM, sealedSeed: sealedSeed, coreHash: coreHash, recipient: recipient, enc: enc,
            key: key)
    }

    func contentKey(
        kem: ObjectID, publicKEM: [UInt8], sealedSeed: [UInt8], coreHash: [UInt8], recipient: [UInt8], enc: [UInt8],
        key: [UInt8]
    ) throws -> [UInt8] {
        let private25519 = try Curve25519.KeyAgreement.PrivateKey(rawRepresentation: try secret(.identityKEM, kem))
        return try KeyUnwrapping.unwrapContentKey(
            coreHash: coreHash, recipient: CID(bytes: recipient), enc: enc, key: key, publicKEM: publicKEM,
            mlkemSeed: sealedSeed
        ) { point in
            let other = try Curve25519.KeyAgreement.PublicKey(rawRepresentation: point)
            return try private25519.sharedSecretFromKeyAgreement(with: other).withUnsafeBytes { Array($0) }
        }
    }

    /// One key, as long as the directory is there.
    private func stateKey() throws -> SymmetricKey {
        let path = "\(directory)/state-key"
        if let known = FileManager.default.contents(atPath: path) { return SymmetricKey(data: known) }
        let key = SymmetricKey(size: .bits256)
        try key.withUnsafeBytes { try Data($0).write(to: URL(fileURLWithPath: path)) }
        return key
    }

    func sealState(_ plaintext: [UInt8], purpose: String, id: [UInt8]) throws -> [UInt8] {
        try reach("sealState")
        return try [UInt8](
            AES.GCM.seal(plaintext, using: try stateKey(), authenticating: Array(purpose.utf8) + id).combined!)
    }

    func unsealState(_ blob: [UInt8], purpose: String, id: [UInt8]) throws -> [UInt8] {
        try reach("unsealState")
        do {
            let box = try AES.GCM.SealedBox(combined: blob)
            return try [UInt8](AES.GCM.open(box, using: try stateKey(), authenticating: Array(purpose.utf8) + id))
        } catch {
            throw DTAError(.dataLoss, "a sealed blob for \(purpose) does not open")
        }
    }

    private var unused: DTAError { DTAError(.internal, "not asked for here") }

    func resealOrder(_ sealed: [UInt8], order: [UInt8], owner: ObjectOwner, epoch: UInt32) throws -> [UInt8] {
        throw unused
    }
    func sealOrderState(_ state: [UInt8], order: [UInt8], owner: ObjectOwner, epoch: UInt32) throws -> [UInt8] {
        throw unused
    }
    func openOrderState(_ sealed: [UInt8], order: [UInt8], owner: ObjectOwner) throws -> [UInt8] { throw unused }
    func resealOrderState(_ sealed: [UInt8], order: [UInt8], owner: ObjectOwner, epoch: UInt32) throws -> [UInt8] {
        throw unused
    }
    func createShare(owner: ObjectOwner, beneficiary: [UInt8], terms: [UInt8]?) throws -> CreatedShare {
        let share = Secp256k1Scalar.generate()
        return CreatedShare(sealed: share.withUnsafeBytes { Array($0) }, publicKey: share.publicKey.bytes)
    }
    func exportWallet(
        _ share: CreatedShare, commitment: SealedPart, release: SealedPart, documents: [[UInt8]]
    ) throws -> [UInt8] { throw unused }
}
