import Crypto
import CryptoExtras
import DTABytes
import DTASSH
import DTASystem

/// A user's lock of ssh.sock, for all of the user's programs there. It survives a restart.
package final class SSHLocking: Sendable {
    private let table: SSHTable
    /// Users whose passphrase is being tried: one at a time, so that no delay is passed by asking often.
    private let trying = Locked<Set<Owner>>([])
    /// The scrypt's cost (RFC 7914): 2^15 rounds of 1 KiB blocks take 32 MiB and some 100 ms.
    private static let rounds = 1 << 15
    private static let blockSize = 8
    /// Seconds for which no passphrase is tried after so many wrong ones: they double, up to this.
    private static let longestDelay: Int64 = 900

    init(_ table: SSHTable) { self.table = table }

    package func isLocked(_ user: Owner) -> Bool { table.lock(of: user) != nil }

    /// Locks for a user. It takes long.
    /// - Throws: `SSHRefusal` if it is locked already.
    package func lock(_ user: Owner, _ passphrase: SecretReference) throws {
        try alone(user) {
            guard table.lock(of: user) == nil else { throw SSHRefusal(.locked, .failedPrecondition) }
            let salt = Secret.random(count: 16).withBytes { bytes in bytes.indices.map { bytes[$0] } }
            try table.setLock(of: user, SSHTable.Lock(salt: salt, verifier: try Self.derive(passphrase, salt)))
        }
    }

    /// Unlocks for a user, who then sees all keys again. It takes long.
    /// - Parameter now: Unix seconds.
    /// - Throws: `SSHRefusal` if it is not locked, the passphrase is wrong, or it is too early to try another.
    package func unlock(_ user: Owner, _ passphrase: SecretReference, now: Int64) throws {
        try alone(user) {
            guard var lock = table.lock(of: user) else { throw SSHRefusal(.notLocked, .failedPrecondition) }
            guard now >= lock.notBefore else { throw SSHRefusal(.tooEarly, .resourceExhausted) }
            let derived = SecretReference(copying: try Self.derive(passphrase, lock.salt))
            guard derived == SecretReference(copying: lock.verifier) else {
                lock.failures = min(lock.failures + 1, 1000)
                lock.notBefore = now + min(1 << Int64(min(lock.failures - 1, 20)), Self.longestDelay)
                try table.setLock(of: user, lock)
                throw SSHRefusal(.wrongPassphrase)
            }
            try table.removeLock(of: user)
        }
    }

    private func alone(_ user: Owner, _ body: () throws -> Void) throws {
        guard trying.withLock({ $0.insert(user).inserted }) else { throw SSHRefusal(.tooEarly, .resourceExhausted) }
        defer { trying.withLock { _ = $0.remove(user) } }
        try body()
    }

    private static func derive(_ passphrase: SecretReference, _ salt: [UInt8]) throws -> [UInt8] {
        var bytes = passphrase.withBytes { bytes in bytes.indices.map { bytes[$0] } }
        defer { wipe(&bytes) }
        do {
            let key = try KDF.Scrypt.deriveKey(
                from: bytes, salt: salt, outputByteCount: 32, rounds: rounds, blockSize: blockSize, parallelism: 1)
            return unsafe key.withUnsafeBytes { unsafe Array($0) }
        } catch {
            throw DTAError(.internal, "a passphrase could not be hashed: \(error)")
        }
    }
}
