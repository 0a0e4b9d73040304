import CustodyProtocol
import DTABytes
import DTAFormats
import DTASystem

/// Epochs: keys that seal the secrets of up to 1,024 orders each, so that one order's secret can be destroyed for good.
/// The front counts the orders, has the other secrets sealed anew, and has the key destroyed.
///
/// Only the newest epoch on the token seals. So no secret is sealed under one that was left behind, and the next look
/// at the token finds the key under which an attacker who controlled the front kept copies.
extension Custody {
    /// How long the newest epoch is remembered before the token is read again: another process may have made a newer
    /// one.
    private static let trust: UInt64 = 1_000_000_000

    /// Makes the epoch that follows the newest on the token. The newest itself is there already.
    func newEpoch(_ number: UInt32) throws {
        guard (1...EpochNumber.last).contains(number) else {
            throw DTAError(.invalidArgument, "epochs are numbered from 1 to \(EpochNumber.last), and not \(number)")
        }
        try climbing {
            try changing {
                try confirmTokenIsThere()
                let newest = EpochNumber.newest(try objects.sealingNumbers(.epoch))
                let label = ObjectLabel.sealing(.epoch, number: number)
                if number == newest {
                    _ = try sealingKey(.epoch, number)
                } else if newest < EpochNumber.last, number == newest + 1 {
                    _ = try generation.make(.aes256, label, id: Array(label.text.utf8))
                } else {
                    throw DTAError(
                        .failedPrecondition,
                        "epoch \(number) does not follow the newest on the token, which is \(newest)",
                        hint: newest == EpochNumber.last
                            ? "none follows this one, which dtad-hsm did not make: an administrator can destroy it"
                            : "newEpoch makes \(newest + 1)")
                }
                newestEpoch = (number, monotonicNanoseconds())
            }
        }
    }

    /// Destroys objects with the label of an epoch, also with a number that dtad-hsm does not give.
    func destroyEpoch(_ number: UInt32) throws {
        try require(.epoch)
        try climbing {
            try changing {
                try confirmTokenIsThere()
                newestEpoch = nil
                try objects.destroySealingKeys(.sealing(.epoch, number: number))
            }
        }
    }

    /// The epochs whose keys are on the token.
    func epochs() throws -> Set<UInt32> {
        try require(.epoch)
        return try climbing {
            try confirmTokenIsThere()
            return try objects.sealingNumbers(.epoch)
        }
    }

    /// Seals the same for the same order and owner, in the same domain: none of them is said anew, all are checked by
    /// opening. A blob that names no key of its own gets none by this.
    func resealOrder(_ request: ResealRequest) throws -> [UInt8] {
        let binding = try OrderSecret.binding(of: request.sealed, order: request.order, owner: request.owner)
        return try reseal(request.sealed, binding, request.epoch)
    }

    private func reseal(_ sealed: [UInt8], _ binding: SealedBlob.Binding, _ epoch: UInt32) throws -> [UInt8] {
        try climbing {
            try requireEpoch(epoch)
            return try sealEpoch(unseal(sealed, with: .epoch, binding), epoch, binding)
        }
    }

    // A plugin's state of an order belongs to the front, and is sealed under the same keys. Its purpose is another one,
    // so these operations open no seed, and no release takes a seed that the front made.

    func sealOrderState(_ message: SealOrderState) throws -> [UInt8] {
        let binding = OrderSecret.stateBinding(order: message.order, owner: message.owner)
        return try climbing {
            try requireEpoch(message.epoch)
            return try message.state.withSecret { try sealEpoch($0, message.epoch, binding) }
        }
    }

    func openOrderState(_ message: OpenOrderState) throws -> Secret {
        let binding = OrderSecret.stateBinding(order: message.order, owner: message.owner)
        return try climbing { try unseal(message.sealed, with: .epoch, binding) }
    }

    func resealOrderState(_ request: ResealRequest) throws -> [UInt8] {
        let binding = OrderSecret.stateBinding(order: request.order, owner: request.owner)
        return try reseal(request.sealed, binding, request.epoch)
    }

    func sealEpoch(
        _ plaintext: borrowing Secret, _ epoch: UInt32, _ binding: SealedBlob.Binding
    ) throws -> [UInt8] {
        let key = try sealingKey(.epoch, epoch)
        let aad = try binding.associatedData(keyNumber: epoch)
        let box = try plaintext.withBytes { try encrypt(key, $0, aad: aad) }
        return SealedBlob(binding.domain, keyNumber: epoch, box: box).bytes
    }

    /// - Throws: `DTAError.failedPrecondition` if the epoch has no key, or is not the newest on the token.
    func requireEpoch(_ number: UInt32) throws {
        guard try objects.sealingKey(.sealing(.epoch, number: number), copies: false) != nil else {
            try confirmTokenIsThere()
            throw DTAError(.failedPrecondition, "there is no epoch \(number)", hint: "newEpoch makes its key")
        }
        let newest = try currentEpoch(asked: number)
        guard number == newest else {
            throw DTAError(
                .failedPrecondition, "epoch \(number) seals nothing any more: the newest on the token is \(newest)",
                hint: "seal under that one")
        }
    }

    /// The newest epoch on the token, as it was a second ago at most.
    private func currentEpoch(asked: UInt32) throws -> UInt32 {
        let now = monotonicNanoseconds()
        if let (number, seen) = newestEpoch, number == asked, now &- seen < Custody.trust { return number }
        let newest = EpochNumber.newest(try objects.sealingKeyNumbers(.epoch))
        newestEpoch = (newest, now)
        return newest
    }
}
