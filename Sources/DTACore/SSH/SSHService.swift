import CustodyProtocol
import DTAFormats
import DTASSH
import DTASystem

/// A refusal on ssh.sock: a word for records, and the error.
package struct SSHRefusal: Error {
    package let why: SSHObstacle
    package let error: DTAError

    package init(_ why: SSHObstacle, _ code: ErrorCode = .permissionDenied, _ message: String? = nil) {
        self.why = why
        error = DTAError(code, message ?? why.sentence)
    }
}

/// A key that is offered on ssh.sock.
package struct SSHIdentity: Sendable {
    package let key: KeyRecord
    package let blob: [UInt8]
    /// Its name; of another user's key, the owner's name before it.
    package let comment: String
    /// Whether the caller can sign with it on ssh.sock only.
    package let isForSSHAlone: Bool
}

/// Offers users' keys to programs that speak the agent protocol of SSH, and signs with them.
package final class SSHService: Sendable {
    private let keys: KeyService
    private let policy: LivePolicy

    package init(keys: KeyService, policy: LivePolicy) {
        self.keys = keys
        self.policy = policy
    }

    private var now: UInt64 { UInt64(clamping: unixMicroseconds() / 1_000_000) }

    // MARK: Showing

    /// The keys that a caller may use on a connection. If it is bound to a host, these are the keys that can succeed
    /// there, those for that very host first, and at most `ssh.offer_at_most`.
    package func identities(_ caller: Caller, on bindings: SSHBindings) -> [SSHIdentity] {
        let (policy, now) = (policy.current, now)
        let found = keys.index.all.compactMap { key -> (identity: SSHIdentity, fit: SSHTerms.Fit)? in
            guard let blob = key.sshKey?.blob else { return nil }
            let fit = policy.fit(caller, key.resource, on: bindings, now: now)
            guard fit != .none else { return nil }
            let comment = key.owner.isSame(as: caller) ? key.name : "\(key.owner.name)/\(key.name)"
            let isForSSHAlone = !policy.allows(caller, .sign, key.resource)
            return (SSHIdentity(key: key, blob: blob, comment: comment, isForSSHAlone: isForSSHAlone), fit)
        }
        let ordered = found.sorted { one, other in
            one.fit == other.fit ? one.identity.comment < other.identity.comment : one.fit > other.fit
        }
        return ordered.map(\.identity).prefix(bindings.all.isEmpty ? .max : policy.offerAtMost).map { $0 }
    }

    /// To what a key is constrained by its owner.
    package func destinations(of key: String) -> [SSHDestination] { [] }

    // MARK: Signing

    /// The key with which a caller wants something signed. Of several users' keys with the same public half, the one
    /// that the caller may use.
    /// - Throws: `SSHRefusal`.
    package func key(_ caller: Caller, _ wanted: SSHKey) throws -> KeyRecord {
        guard let bytes = wanted.plain.publicBytes else { throw SSHRefusal(.noSuchKey, .notFound) }
        let found = keys.index.entries(publicBytes: bytes).map(\.item).filter { $0.sshKey == wanted.plain }
        let policy = policy.current
        guard let key = found.first(where: { !policy.grounds(caller, $0.resource).isEmpty }) ?? found.first else {
            throw SSHRefusal(.noSuchKey, .notFound)
        }
        return key
    }

    /// Signs on a connection.
    /// - Parameters:
    ///   - data: what is signed.
    ///   - content: the same, as it was read.
    ///   - flags: of the request; they choose the hash of RSA signatures.
    /// - Throws: `SSHRefusal`, and `DTAError` if the key is out of use.
    package func sign(
        _ caller: Caller, with key: KeyRecord, data: [UInt8], _ content: SSHSignedData, flags: UInt32,
        on bindings: SSHBindings
    ) throws -> CustodyStep<SSHSignature> {
        guard let sshKey = key.sshKey, let algorithm = key.type.algorithm else {
            throw SSHRefusal(.noSuchKey, .notFound)
        }
        if let why = policy.current.obstacle(caller, content, with: key.resource, on: bindings, now: now) {
            throw SSHRefusal(why)
        }
        guard let name = sshKey.signatureName(flags) else { throw SSHRefusal(.sha1) }
        try keys.requireSound(key)
        let input = PublicKey.input(for: data, algorithm: algorithm)
        let object = key.object
        return { custodian in
            let raw = try custodian.ask(Sign(id: object, input: input))
            do {
                return try SSHSignature(raw: raw, by: sshKey, name: name)
            } catch {
                throw DTAError(.internal, "the HSM answered something that is no signature: \(error)")
            }
        }
    }
}

extension KeyService {
    /// - Throws: `DTAError.dataLoss` if the key is out of use.
    func requireSound(_ key: KeyRecord) throws {
        if let damage = index.entry(key.name)?.damage { throw damaged(key, damage) }
    }
}

extension SSHPublicKey {
    /// The algorithm that a request's flags choose; nil if that is ssh-rsa, which is SHA-1.
    func signatureName(_ flags: UInt32) -> String? {
        guard case .rsa = self else { return typeName }
        if flags & SSHAgentRequest.rsaSHA512 != 0 { return "rsa-sha2-512" }
        return flags & SSHAgentRequest.rsaSHA256 != 0 ? "rsa-sha2-256" : nil
    }
}
