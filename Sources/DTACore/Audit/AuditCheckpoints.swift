import CustodyProtocol
import DTABytes
import DTAFormats
import DTASystem
import Foundation

/// The agent's own identity, as far as the log needs it.
package struct AuditSigner: Sendable {
    /// The CID of its document.
    let identity: CID
    /// Its signing key on the token.
    let key: ObjectID

    package init(identity: CID, key: ObjectID) {
        self.identity = identity
        self.key = key
    }
}

/// Checkpoints: records in which the agent signs the hash of a record, and so everything before it.
extension AuditLog {
    /// Whether enough was written since the last one. The slow lane asks this, and then makes one.
    package var checkpointIsDue: Bool {
        state.withLock { $0.next - 1 >= $0.checkpointed + AuditLog.checkpointInterval }
    }

    /// Signs the last record and writes a checkpoint for it.
    package func makeCheckpoint(_ signer: AuditSigner, _ custodian: any Custodian) throws {
        let (number, hash) = state.withLock { ($0.next - 1, $0.previous) }
        guard number > 0 else { return }
        let digest = Hexadecimal.decode(String(decoding: hash, as: UTF8.self)) ?? []
        let signature = try custodian.ask(SignDocument(id: signer.key, context: SignedBytes.audit, hash: digest))
        let checkpoint = AuditCheckpoint(
            number: number, hash: String(decoding: hash, as: UTF8.self), identity: signer.identity.description,
            signature: Base64.encode(signature))
        try append { $0.checkpoint(checkpoint.json) }
        state.withLock { state in
            state.checkpointed = state.next - 1
            // The next record names the database's change again, so that a reader who starts at the end finds it.
            state.toldChange = 0
        }
    }
}
