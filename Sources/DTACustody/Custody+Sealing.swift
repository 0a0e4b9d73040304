import CustodyProtocol
import DTABytes
import DTASystem

/// When a sealing key is replaced. Random nonces of 96 bits allow 2^32 seals with one key (NIST SP 800-38D §8.3); 2^30
/// is the design's bound. Seals are not counted: processes would have to share a counter that survives crashes and
/// restored backups. Instead each seal draws a random number: with probability 2^-26 the next key is made. So a key
/// seals 2^26 times on average, and more than 2^30 times with probability e^-16, across all processes and restarts.
enum SealingDice: Equatable {
    case go
    /// Look whether another process has made the next key.
    case look
    /// Make the next key.
    case advance

    init(_ bytes: ArraySlice<UInt8>) {
        let number = UInt32(bigEndianBytes: bytes.prefix(4))
        self = number % (1 << 26) == 0 ? .advance : number % (1 << 12) == 0 ? .look : .go
    }
}

/// Sealed blobs. `seal` keys are for dtad-hsm alone: no operation gives their plaintexts to the front.
extension Custody {
    /// Rows of the front's store.
    func sealState(_ plaintext: SecretReference, purpose: String, id: [UInt8]) throws -> [UInt8] {
        try climbing {
            try plaintext.withSecret { try seal($0, with: .state, stateBinding(purpose, id)) }
        }
    }

    func unsealState(_ blob: [UInt8], purpose: String, id: [UInt8]) throws -> Secret {
        try climbing { try unseal(blob, with: .state, stateBinding(purpose, id)) }
    }

    private func stateBinding(_ purpose: String, _ id: [UInt8]) -> SealedBlob.Binding {
        SealedBlob.Binding(domain: .state1, purpose: purpose, owner: ObjectOwner.agent.uid, id: id)
    }

    /// Seals with the key of `objectClass` that is in use.
    func seal(
        _ plaintext: borrowing Secret, with objectClass: ObjectClass, _ binding: SealedBlob.Binding
    ) throws -> [UInt8] {
        let number = try sealingNumber(objectClass, SealingDice(try token.session.random(4)[...]))
        let key = try sealingKey(objectClass, number)
        let aad = try binding.associatedData(keyNumber: number)
        let box = try plaintext.withBytes { try encrypt(key, $0, aad: aad) }
        return SealedBlob(binding.domain, keyNumber: number, box: box).bytes
    }

    /// - Throws: `DTAError.dataLoss` if the blob is not one, or was sealed for something else.
    func unseal(_ bytes: [UInt8], with objectClass: ObjectClass, _ binding: SealedBlob.Binding) throws -> Secret {
        let blob = try SealedBlob(bytes)
        guard blob.version == binding.domain.version else {
            throw DTAError(
                .dataLoss, "a sealed blob of version \(blob.version) is none of \(binding.domain.rawValue)")
        }
        let key = try sealingKey(objectClass, blob.keyNumber)
        let aad = try binding.associatedData(keyNumber: blob.keyNumber)
        return try decrypt(
            key, blob.box[...], aad: aad, "a sealed blob for \(binding.purpose) does not open")
    }

    func sealingKey(_ objectClass: ObjectClass, _ number: UInt32) throws -> KeyObject {
        try require(objectClass)
        let label = ObjectLabel.sealing(objectClass, number: number)
        let key = try objects.sealingKey(label, copies: objectClass != .epoch, confirming: confirmTokenIsThere)
        if let key { return key }
        try confirmTokenIsThere()
        throw DTAError(
            .dataLoss, "the token has no key \(label.text)",
            hint: "what it sealed is lost unless a backup of the token has it")
    }

    /// The number of the key to seal with: the highest on the token.
    private func sealingNumber(_ objectClass: ObjectClass, _ dice: SealingDice) throws -> UInt32 {
        if let number = sealingNumbers[objectClass], dice == .go { return number }
        var number = sealingNumbers[objectClass] ?? 1
        // There is no number after the last one.
        while number < .max, try objects.sealingKey(.sealing(objectClass, number: number + 1)) != nil { number += 1 }
        if dice == .advance, number < .max {
            try changing {
                number += 1
                let label = ObjectLabel.sealing(objectClass, number: number)
                // Another process may have made it since.
                guard try objects.sealingKey(label) == nil else { return }
                try confirmTokenIsThere()
                _ = try generation.make(.aes256, label, id: Array(label.text.utf8))
            }
        }
        sealingNumbers[objectClass] = number
        return number
    }
}
