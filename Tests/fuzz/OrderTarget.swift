import DTAFormats

/// The plaintext of a part; the first byte tells of which kind.
enum OrderTarget: FuzzTarget {
    static func run(_ bytes: [UInt8]) {
        guard let first = bytes.first else { return }
        let kind = OrderPartKind.allCases[Int(first) % OrderPartKind.allCases.count]
        let plaintext = Array(bytes.dropFirst())
        guard let part = try? OrderPart(plaintext, as: kind) else { return }
        claim((try? part.encoded()) == plaintext, "a part has one encoding")
        for other in OrderPartKind.allCases where other != kind {
            claim((try? OrderPart(plaintext, as: other)) == nil, "a part is of one kind")
        }
        switch part {
        case .order(let order): check(order.terms)
        case .commitment(let commitment):
            check(commitment.terms)
            // Nobody guesses a proof.
            _ = try? commitment.checkProof(share: commitment.publicKey)
        case .redemption(let redemption):
            claim(redemption.use <= redemption.terms.maxUses, "a use is one that the terms allow")
        default: break
        }
        if let heading = part.heading { claim(heading.use >= 0, "a use is counted") }
    }

    private static func check(_ terms: OrderTerms) {
        claim(!terms.redeemers.isEmpty && terms.approvals <= terms.approvers.count, "terms can be met")
        claim(terms.parties.contains(terms.recipient), "everybody is named")
    }
}
