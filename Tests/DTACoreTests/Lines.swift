import Crypto
import DTAConfiguration
import DTAFormats
import DTASystem
import Foundation
import TestSupport

@testable import DTAAgent
@testable import DTAEnvelopes
@testable import DTAIdentities
@testable import DTALedger

/// An offline recovery key.
struct OfflineKey {
    let key = Curve25519.Signing.PrivateKey()

    var raw: [UInt8] { Array(key.publicKey.rawRepresentation) }
    var fingerprint: [UInt8] { Array(SHA256.hash(data: raw)) }
    var consent: Consent { .recovery(key: raw, sign: sign) }

    func sign(_ context: String, _ hash: [UInt8]) throws -> [UInt8] {
        Array(try key.signature(for: SignedBytes.make(context: context, hash: hash)))
    }
}

/// Somebody elsewhere, who holds his keys himself.
struct Stranger {
    let signing = Curve25519.Signing.PrivateKey()
    let kem: [UInt8]
    let document: SignedIdentity

    var cid: CID { document.cid }
    var consent: Consent { .previous(sign: Stranger.signer(signing)) }

    static func signer(_ key: Curve25519.Signing.PrivateKey) -> DocumentSign {
        { Array(try key.signature(for: SignedBytes.make(context: $0, hash: $1))) }
    }

    /// - Parameter forging: whether the consents are written down as they are, and not verified.
    init(
        _ name: String = "bank", recovery: OfflineKey? = nil, replacing predecessor: SignedIdentity? = nil,
        by consents: [Consent] = [], forging: Bool = false
    ) throws {
        let x25519 = Curve25519.KeyAgreement.PrivateKey()
        kem =
            Array(try MLKEM768.PrivateKey().publicKey.rawRepresentation) + Array(x25519.publicKey.rawRepresentation)
        let identity = try Identity(
            name: name, created: 1_760_000_000,
            signing: SigningKey(PublicKey(.ed25519, raw: Array(signing.publicKey.rawRepresentation))), kem: kem,
            recovery: recovery?.fingerprint, previous: predecessor?.cid)
        let sign = Stranger.signer(signing)
        guard let predecessor else {
            document = try SignedIdentity(signing: identity, with: sign)
            return
        }
        guard forging else {
            document = try SignedIdentity(signing: identity, with: sign, replacing: predecessor, by: consents)
            return
        }
        let entries = try ["self", "previous"].map { role in
            DAGCBOR.Value.map([
                "by": .text(role), "sig": .bytes(try sign(SignedBytes.identity, identity.hash)),
            ])
        }
        document = try SignedIdentity(
            block: DAGCBOR.encode(
                .map(["identity": DAGCBOR.decode(identity.encoded), "signatures": .list(entries)])))
    }

    func next(recovery: OfflineKey? = nil) throws -> Stranger {
        try Stranger(recovery: recovery, replacing: document, by: [consent])
    }

    func recovered(by key: OfflineKey) throws -> Stranger {
        try Stranger(recovery: key, replacing: document, by: [key.consent])
    }

    func revocation() throws -> SignedRevocation { try SignedRevocation(revoking: document, at: 1, by: consent) }
}

extension Host {
    /// Another agent on a copy of this one's state and token, as after a restart.
    static func restarted(_ host: Host, limits: (inout Configuration.Limits) -> Void = { _ in }) throws -> Host {
        let directory = try TemporaryDirectory()
        for name in try FileManager.default.contentsOfDirectory(atPath: host.path) where name != "lock" {
            try FileManager.default.copyItem(atPath: "\(host.path)/\(name)", toPath: directory.file(name))
        }
        return try Host(directory.path, keeping: directory, limits: limits)
    }

    func bring(_ block: [UInt8], by caller: Caller = carol) throws {
        _ = try core.ledger.put(caller, data: block, contentType: LedgerService.ContentType.dagCBOR.rawValue)
    }

    func bring(_ strangers: Stranger...) throws { for stranger in strangers { try bring(stranger.document.block) } }

    func show(_ subject: some CustomStringConvertible) throws -> KnownIdentity {
        try core.identities.show("\(subject)").identity
    }

    @discardableResult
    func rotate(_ name: String, of caller: Caller = alice, recovery: [UInt8] = []) throws -> KnownIdentity {
        try core.identities.rotate(caller, name, recovery: recovery)(custodian)
    }

    @discardableResult
    func revoke(_ subject: String, of caller: Caller = alice) throws -> CID {
        try core.identities.revoke(caller, subject)(custodian).revocation
    }

    @discardableResult
    func recover(_ subject: String, as name: String, by caller: Caller = alice, with key: OfflineKey) throws
        -> KnownIdentity
    {
        let draft = try core.identities.recover(caller, name: name, subject: subject)(custodian)
        return try core.identities.finishRecovery(
            caller, draft: draft.name, key: key.raw,
            signature: key.sign(SignedBytes.identity, draft.identity.hash))(custodian)
    }

    func seal(from: String = "alice", to: [String], by caller: Caller = alice) throws -> CID {
        try core.envelopes.seal(caller, .init(sender: from, recipients: to), data: [1, 2, 3])(custodian)
    }
}
