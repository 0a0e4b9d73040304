import CustodyProtocol
import DTAFormats
import DTASystem

/// The beneficiary's side of a wallet: a share that never leaves dtad-hsm by itself, and the sum, the only secret that
/// the front gets, after the fiduciary has released its part.
extension Custody {
    func createShare(_ message: CreateShare) throws -> CreatedShare {
        let terms = message.terms ?? []
        guard message.terms == nil || terms.count == OrderTerms.hashSize else {
            throw DTAError(.invalidArgument, "terms are named by the \(OrderTerms.hashSize) bytes of their hash")
        }
        return try climbing {
            var secret = try token.session.random(Secp256k1Scalar.byteCount)
            defer { wipe(&secret) }
            let publicKey = try translating { try Secp256k1Scalar(secret).publicKey.bytes }
            var bytes: [UInt8] = []
            bytes.reserveCapacity(secret.count + CID.byteCount + OrderTerms.hashSize)
            bytes.append(contentsOf: secret)
            bytes.append(contentsOf: message.beneficiary.bytes)
            bytes.append(contentsOf: terms)
            defer { wipe(&bytes) }
            return CreatedShare(
                sealed: try seal(bytes, with: .seal, shareBinding(message.owner, publicKey)), publicKey: publicKey)
        }
    }

    func exportWallet(_ message: ExportWallet) throws -> [UInt8] {
        let (share, commitment, release) = (message.share, message.commitment, message.release)
        let owner = release.recipient.owner
        guard commitment.recipient.owner == owner else {
            throw DTAError(.permissionDenied, "the two parts were sealed to identities of two users")
        }
        let known = try knownDocuments(message.documents)
        let judge = IdentityJudge(known)
        let (promise, promised) = try openCommitment(commitment, known)
        let result = try openRelease(release, known, of: promise, promised)
        return try climbing {
            var bytes = try unseal(share.sealed, with: .seal, shareBinding(owner, share.publicKey))
            defer { wipe(&bytes) }
            return try translating {
                let bound = bytes.dropFirst(Secp256k1Scalar.byteCount)
                let mine = try CID(bytes: Array(bound.prefix(CID.byteCount)))
                // The principal's terms, and with them the fiduciary, were fixed when the share was made.
                let terms = bound.dropFirst(CID.byteCount)
                guard try terms.isEmpty || terms.elementsEqual(promise.terms.hash) else {
                    throw DTAError(.permissionDenied, "the share was made for an order with other terms")
                }
                // If the terms name no beneficiary, it is the recipient.
                let beneficiary = promise.terms.beneficiary ?? promise.terms.recipient
                guard try judge.areOneLine(mine, beneficiary),
                    try judge.areOneLine(release.recipient.cid, beneficiary)
                else {
                    throw DTAError(.permissionDenied, "the share, or the release, is not this order's beneficiary's")
                }
                let sum = try WalletSum(
                    fiduciary: Secp256k1PublicKey(promise.publicKey), beneficiary: Secp256k1PublicKey(share.publicKey))
                try sum.verify(promise.proof, order: promise.heading.order)
                return try sum.secret(
                    fiduciary: Secp256k1Scalar(result),
                    beneficiary: Secp256k1Scalar(bytes.prefix(Secp256k1Scalar.byteCount))
                ).withUnsafeBytes { Array($0) }
            }
        }
    }

    /// Part 2 of a wallet, by the fiduciary that it names.
    private func openCommitment(
        _ part: SealedPart, _ known: KnownDocuments
    ) throws -> (OrderCommitment, SignedEnvelope) {
        let signed = try readPart(part.block, .commitment)
        try verify(signed, known)
        let plaintext = try openPart(signed, as: part.recipient)
        let commitment = try translating { try OrderCommitment(plaintext) }
        guard commitment.kind == OrderKind.bitcoinWallet, signed.envelope.header.previous == commitment.heading.order,
            try IdentityJudge(known).mayMake(.commitment, as: signed.envelope.header.from, under: commitment.terms)
        else { throw DTAError(.permissionDenied, "the commitment is not one of a wallet by its fiduciary") }
        return (commitment, signed)
    }

    /// The fiduciary's share, from part 4.
    private func openRelease(
        _ part: SealedPart, _ known: KnownDocuments, of commitment: OrderCommitment, _ promised: SignedEnvelope
    ) throws -> [UInt8] {
        let signed = try readPart(part.block, .release)
        try verify(signed, known)
        var plaintext = try openPart(signed, as: part.recipient)
        defer { wipe(&plaintext) }
        let release = try translating { try OrderRelease(plaintext) }
        try objecting {
            do {
                try release.heading.check(order: commitment.heading.order, terms: commitment.terms)
            } catch {
                throw OrderObjection(.wrongOrder, "\(error)")
            }
        }
        guard signed.envelope.header.thread == promised.envelope.header.thread,
            try IdentityJudge(known).mayMake(.release, as: signed.envelope.header.from, under: commitment.terms),
            let share = release.result[OrderKind.share]?.bytes
        else { throw DTAError(.permissionDenied, "the release is not that of this wallet") }
        return share
    }

    private func shareBinding(_ owner: ObjectOwner, _ publicKey: [UInt8]) -> SealedBlob.Binding {
        SealedBlob.Binding(domain: .seal1, purpose: "wallet share", owner: owner.uid, id: publicKey)
    }
}
