import CustodyProtocol
import DTABytes
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
            let secret = try token.session.randomSecret(Secp256k1Scalar.byteCount)
            let publicKey = try translating { try Custody.scalar(secret).publicKey.bytes }
            let bytes = secret.followed(by: message.beneficiary.bytes + terms)
            return CreatedShare(
                sealed: try seal(bytes, with: .seal, shareBinding(message.owner, publicKey)), publicKey: publicKey)
        }
    }

    func exportWallet(_ message: ExportWallet) throws -> Secret {
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
            let bytes = try unseal(share.sealed, with: .seal, shareBinding(owner, share.publicKey))
            return try translating {
                let bound = bytes.withBytes {
                    Array(copying: $0.extracting(droppingFirst: Secp256k1Scalar.byteCount))
                }
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
                return try sum.secret(fiduciary: Custody.scalar(result), beneficiary: Custody.scalar(bytes))
                    .withUnsafeBytes { Secret(copying: $0) }
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
        let commitment = try translating { try plaintext.withBytes { try OrderCommitment($0) } }
        guard commitment.kind == OrderKind.bitcoinWallet, signed.envelope.header.previous == commitment.heading.order,
            try IdentityJudge(known).mayMake(.commitment, as: signed.envelope.header.from, under: commitment.terms)
        else { throw DTAError(.permissionDenied, "the commitment is not one of a wallet by its fiduciary") }
        return (commitment, signed)
    }

    /// The fiduciary's share, from part 4.
    private func openRelease(
        _ part: SealedPart, _ known: KnownDocuments, of commitment: OrderCommitment, _ promised: SignedEnvelope
    ) throws -> Secret {
        let signed = try readPart(part.block, .release)
        try verify(signed, known)
        let plaintext = try openPart(signed, as: part.recipient)
        var release = try translating { try plaintext.withBytes { try OrderRelease($0) } }
        defer { release.wipeResult() }
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
        return Secret(copying: share.span)
    }

    /// The scalar that these bytes begin with.
    static func scalar(_ bytes: borrowing Secret) throws -> Secp256k1Scalar {
        try bytes.withUnsafeBytes { try Secp256k1Scalar($0.prefix(Secp256k1Scalar.byteCount)) }
    }

    private func shareBinding(_ owner: ObjectOwner, _ publicKey: [UInt8]) -> SealedBlob.Binding {
        SealedBlob.Binding(domain: .seal1, purpose: "wallet share", owner: owner.uid, id: publicKey)
    }
}
