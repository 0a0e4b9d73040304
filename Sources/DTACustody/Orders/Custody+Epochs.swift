import CustodyProtocol
import DTAFormats
import DTASystem

/// Epochs: keys that seal the secrets of up to 1,024 orders each, so that one order's can be destroyed for good. The front
/// counts, re-seals the living and has the key destroyed.
extension Custody {
    func newEpoch(_ number: UInt32) throws {
        try climbing {
            try changing {
                let label = ObjectLabel.sealing(.epoch, number: number)
                guard try objects.sealingKey(label, copies: false) == nil else { return }
                _ = try generation.make(.aes256, label, id: Array(label.text.utf8))
            }
        }
    }

    func destroyEpoch(_ number: UInt32) throws {
        try climbing {
            try changing {
                try confirmTokenIsThere()
                try objects.destroySealingKeys(.sealing(.epoch, number: number))
            }
        }
    }

    /// The epochs whose keys are on the token.
    func epochs() throws -> Set<UInt32> {
        try climbing {
            try confirmTokenIsThere()
            return try objects.sealingNumbers(.epoch)
        }
    }

    /// Seals the same for the same order and owner, in the same domain: none of them is said anew, all are checked by
    /// opening. A blob that names no key of its own gets none by this.
    func resealOrder(_ sealed: [UInt8], order: CID, owner: ObjectOwner, epoch: UInt32) throws -> [UInt8] {
        try reseal(sealed, OrderSecret.binding(of: sealed, order: order, owner: owner), epoch)
    }

    private func reseal(_ sealed: [UInt8], _ binding: SealedBlob.Binding, _ epoch: UInt32) throws -> [UInt8] {
        try climbing {
            try requireEpoch(epoch)
            var bytes = try unseal(sealed, with: .epoch, binding)
            defer { wipe(&bytes) }
            return try sealEpoch(bytes, epoch, binding)
        }
    }

    // What a plugin keeps of an order is the front's own, and goes with the same keys. Its purpose is another, so that by
    // these nobody opens a seed, and nobody has a seed released that he made.

    func sealOrderState(_ state: [UInt8], order: CID, owner: ObjectOwner, epoch: UInt32) throws -> [UInt8] {
        try climbing {
            try requireEpoch(epoch)
            return try sealEpoch(state, epoch, OrderSecret.stateBinding(order: order, owner: owner))
        }
    }

    func openOrderState(_ sealed: [UInt8], order: CID, owner: ObjectOwner) throws -> [UInt8] {
        try climbing { try unseal(sealed, with: .epoch, OrderSecret.stateBinding(order: order, owner: owner)) }
    }

    func resealOrderState(_ sealed: [UInt8], order: CID, owner: ObjectOwner, epoch: UInt32) throws -> [UInt8] {
        try reseal(sealed, OrderSecret.stateBinding(order: order, owner: owner), epoch)
    }

    func sealEpoch(_ plaintext: [UInt8], _ epoch: UInt32, _ binding: SealedBlob.Binding) throws -> [UInt8] {
        let key = try sealingKey(.epoch, epoch)
        let aad = try binding.associatedData(keyNumber: epoch)
        return SealedBlob(binding.domain, keyNumber: epoch, box: try encrypt(key, plaintext, aad: aad)).bytes
    }

    /// - Throws: `DTAError.failedPrecondition` where the epoch has no key.
    func requireEpoch(_ number: UInt32) throws {
        guard try objects.sealingKey(.sealing(.epoch, number: number), copies: false) == nil else { return }
        try confirmTokenIsThere()
        throw DTAError(.failedPrecondition, "there is no epoch \(number)", hint: "newEpoch makes its key")
    }
}
