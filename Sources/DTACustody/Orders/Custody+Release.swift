import CustodyProtocol
import DTABytes
import DTAFormats
import DTASystem

/// Releasing. The terms are sealed with the secret, the redeemer and the approvers have signed what they want, and the
/// judge decides by this process' own clock. The front gets an envelope that only the recipient can open.
extension Custody {
    func release(_ request: RedemptionRequest) throws -> [UInt8] {
        try climbing {
            try withSecret(request) { secret, seed in
                guard secret.key == nil else {
                    throw DTAError(.permissionDenied, "the key of this order is used in place: it is never released")
                }
                let granted = try judge(request, secret)
                let splice = SecretSplice()
                let name = OrderKind.resultName(of: secret.order.kind)
                return try seal(request, secret, granted, [name: .bytes(splice.marker)]) { plaintext in
                    try splice.put(seed, into: &plaintext)
                }
            }
        }
    }

    func signForOrder(_ request: RedemptionRequest) throws -> [UInt8] {
        try climbing {
            try withSecret(request) { secret, _ in
                guard let key = secret.key else {
                    throw DTAError(.permissionDenied, "this order has no key that is used in place")
                }
                guard key.publicKey != nil else { throw Custody.unbound("this order's key") }
                let granted = try judge(request, secret)
                let input = try Custody.input(of: granted.redemption.request, for: Custody.keyType(of: secret.order).0)
                let signature = try sign(input, for: secret, key, of: request.fiduciary.owner)
                return try seal(request, secret, granted, [OrderKind.signature: .bytes(signature)]) { _ in }
            }
        }
    }

    /// Opens an order's blob, and forgets the seed when `body` is done.
    private func withSecret<Result>(
        _ request: RedemptionRequest, _ body: (OrderSecret, _ seed: borrowing Secret) throws -> Result
    ) throws -> Result {
        let binding = try OrderSecret.binding(
            of: request.sealed, order: request.order, owner: request.fiduciary.owner)
        let bytes = try unseal(request.sealed, with: .epoch, binding)
        return try body(OrderSecret(sealed: bytes, binding.domain), bytes)
    }

    /// A redemption that is granted.
    private struct Granted {
        let signed: SignedEnvelope
        let redemption: OrderRedemption
        let verdict: OrderJudge.Verdict
        /// The identity that signs part 4: the newest of the fiduciary's line.
        let fiduciary: CID
        let now: Int64
    }

    private func judge(_ request: RedemptionRequest, _ secret: OrderSecret) throws -> Granted {
        let known = try knownDocuments(request.documents)
        let signed = try readPart(request.redemption, .redemption)
        // Only signed parts are opened.
        try verify(signed, known)
        let plaintext = try openPart(signed, as: request.fiduciary)
        let approvals = try translating { try request.approvals.map { try SignedApproval($0.bytes) } }
        let now = now
        return try objecting {
            let redemption = try plaintext.withBytes { try OrderRedemption($0) }
            let fiduciary = request.fiduciary.cid
            let verdict = try OrderJudge(secret.order, cid: request.order, thread: secret.thread, known: known).judge(
                signed, redemption, approvals: approvals, fiduciary: fiduciary, received: request.received, now: now)
            return Granted(
                signed: signed, redemption: redemption, verdict: verdict,
                fiduciary: try IdentityJudge(known).newest(of: fiduciary).cid, now: now)
        }
    }

    /// Part 4, sealed to the order's recipient.
    private func seal(
        _ request: RedemptionRequest, _ secret: OrderSecret, _ granted: Granted, _ result: [String: OrderFieldValue],
        finish: (inout Secret) throws -> Void
    ) throws -> [UInt8] {
        try translating {
            let release = try OrderRelease(
                order: request.order, terms: secret.order.terms, use: granted.redemption.use,
                redemption: granted.signed.cid, received: request.received, released: granted.now,
                approvals: granted.verdict.approvals, result: OrderFields(result)
            ).encoded()
            var plaintext = Secret(copying: release.span)
            try finish(&plaintext)
            return try plaintext.withBytes {
                try EnvelopeSealer.seal(
                    $0, content: OrderPartKind.release.contentType, from: granted.fiduciary,
                    to: [granted.verdict.recipient], created: granted.now, answering: granted.signed
                ).encoded
            }
        }
    }
}
