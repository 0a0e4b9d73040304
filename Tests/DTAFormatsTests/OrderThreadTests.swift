import Crypto
import DTABytes
import Testing

@testable import DTAFormats

@Suite("The thread of an order")
struct OrderThreadTests {
    /// What an auditor has: blocks, and perhaps plaintexts.
    private struct Evidence {
        var blocks: [CID: [UInt8]] = [:]
        var plaintexts: [CID: [UInt8]] = [:]

        mutating func add(_ documents: [SignedIdentity]) { for one in documents { blocks[one.cid] = one.block } }

        mutating func add(_ part: SignedEnvelope, _ plaintext: [UInt8]) {
            blocks[part.cid] = part.block
            plaintexts[part.cid] = plaintext
        }

        func thread(of order: CID, withPlaintexts: Bool = true, without: [CID] = []) throws -> OrderThread {
            let blocks = blocks.filter { !without.contains($0.key) }
            var documents = CollectedDocuments()
            for (cid, block) in blocks.shuffled() { documents.add(try ContentBlock(block, named: cid)) }
            return try OrderThread(
                order, in: documents, blocks,
                plaintexts: withPlaintexts ? plaintexts.mapValues { SecretReference(copying: $0) } : [:])
        }
    }

    private let scalar = Secp256k1Scalar.generate()
    private let stage: OrderStage
    private var evidence = Evidence()
    private let part2: SignedEnvelope

    init() throws {
        stage = try OrderStage(approvals: 2, maxUses: 5)
        evidence.add(stage.everybody)
        evidence.add(stage.part1, try stage.order.encoded())
        let commitment = try OrderThreadTests.commitment(stage, scalar)
        part2 = try OrderStage.envelope(
            .commitment, commitment, from: stage.fiduciary, to: stage.everybody, answering: stage.part1)
        evidence.add(part2, commitment)
    }

    private static func commitment(
        _ stage: OrderStage, _ scalar: Secp256k1Scalar, terms: OrderTerms? = nil
    ) throws -> [UInt8] {
        try OrderCommitment(
            order: stage.part1.cid, kind: OrderKind.secret, terms: terms ?? stage.order.terms,
            publicKey: scalar.publicKey.bytes, proof: CommitmentProof.make(for: stage.part1.cid, with: scalar)
        ).encoded()
    }

    /// Part 3 and its approvals.
    private func redeem(
        _ evidence: inout Evidence, use: Int = 1, after previous: SignedEnvelope? = nil,
        by sender: OrderStage.Party? = nil
    ) throws -> (SignedEnvelope, [SignedApproval]) {
        let plaintext = try OrderRedemption(
            order: stage.part1.cid, terms: stage.order.terms, use: use,
            nonce: (0..<16).map { _ in .random(in: 0...255) }
        ).encoded()
        let part = try OrderStage.envelope(
            .redemption, plaintext, from: sender ?? stage.beneficiary,
            to: [stage.fiduciary.document, stage.beneficiary.document] + stage.approvers.map(\.document),
            answering: previous ?? part2)
        evidence.add(part, plaintext)
        let approvals = try stage.approvers.prefix(2).map { approver in
            let approval = try stage.approval(by: approver, of: part.cid, use: use)
            evidence.add(
                try OrderStage.envelope(
                    .approval, approval.block, from: approver, to: [stage.fiduciary.document], answering: part),
                approval.block)
            return approval
        }
        return (part, approvals)
    }

    private func release(
        _ evidence: inout Evidence, _ redemption: SignedEnvelope, use: Int = 1, approvals: [SignedApproval],
        secret: [UInt8]? = nil, named: CID? = nil, to: [SignedIdentity]? = nil, by sender: OrderStage.Party? = nil
    ) throws -> SignedEnvelope {
        let secret = secret ?? scalar.withUnsafeBytes { Array($0) }
        let plaintext = try OrderRelease(
            order: stage.part1.cid, terms: stage.order.terms, use: use, redemption: named ?? redemption.cid,
            received: OrderStage.now, released: OrderStage.now, approvals: approvals,
            result: OrderFields([OrderKind.secret: .bytes(secret)])
        ).encoded()
        let part = try OrderStage.envelope(
            .release, plaintext, from: sender ?? stage.fiduciary, to: to ?? [stage.beneficiary.document],
            answering: redemption)
        evidence.add(part, plaintext)
        return part
    }

    private func codes(_ thread: OrderThread) -> Set<OrderThread.Finding.Code> { Set(thread.findings.map(\.code)) }

    @Test("an order that went its way is sound, both to a reader who has a key and to one who has none")
    func sound() throws {
        var evidence = evidence
        var last: SignedEnvelope?
        for use in 1...3 {
            let (part, approvals) = try redeem(&evidence, use: use, after: last)
            last = try release(&evidence, part, use: use, approvals: approvals)
        }
        for withPlaintexts in [false, true] {
            let thread = try evidence.thread(of: stage.part1.cid, withPlaintexts: withPlaintexts)
            #expect(thread.verdict == .sound, "\(thread.findings)")
            #expect(thread.parts.count == 2 + 3 * 4)
            #expect(thread.parts.first?.cid == stage.part1.cid && thread.parts.last?.cid == last?.cid)
            #expect(thread.principal == stage.principal.document.cid)
            #expect(thread.fiduciary == stage.fiduciary.document.cid)
            #expect(try thread.reference == OrderReference(thread: stage.part1.envelope.header.thread))
            #expect((thread.terms != nil) == withPlaintexts)
        }
    }

    @Test("a part of an order that is not there is told as missing, and is not bad")
    func missing() throws {
        var evidence = evidence
        let (part, approvals) = try redeem(&evidence)
        _ = try release(&evidence, part, approvals: approvals)
        for cid in [part2.cid, part.cid, stage.approvers[0].document.cid] {
            let thread = try evidence.thread(of: stage.part1.cid, withPlaintexts: false, without: [cid])
            #expect(codes(thread) == [.missing], "\(thread.findings)")
        }
        let headless = try evidence.thread(of: stage.part1.cid, without: [stage.part1.cid])
        #expect(headless.verdict == .incomplete && headless.parts.isEmpty)
    }

    @Test("a successor acts for whom the terms name, and a link of the line that is not there is told as missing")
    func rotated() throws {
        var evidence = evidence
        let middle = try stage.next(stage.beneficiary)
        let newest = try stage.next(middle)
        evidence.add([middle.document, newest.document])
        let (part, approvals) = try redeem(&evidence, by: newest)
        _ = try release(&evidence, part, approvals: approvals, to: [newest.document])
        for withPlaintexts in [false, true] {
            #expect(
                try evidence.thread(of: stage.part1.cid, withPlaintexts: withPlaintexts).verdict == .sound)
        }
        let gap = try evidence.thread(
            of: stage.part1.cid, withPlaintexts: false, without: [middle.document.cid])
        #expect(codes(gap) == [.missing])
        let liar = try OrderStage.liar(about: stage.beneficiary.document)
        evidence.add([liar.document])
        _ = try redeem(&evidence, by: liar)
        #expect(codes(try evidence.thread(of: stage.part1.cid, withPlaintexts: false)) == [.thirdParty])
    }

    @Test("a second commitment is double-dealing; the same commitment with another signature is not")
    func secondCommitment() throws {
        var evidence = evidence
        let other = try OrderThreadTests.commitment(stage, .generate())
        evidence.add(
            try OrderStage.envelope(
                .commitment, other, from: stage.fiduciary, to: stage.everybody, answering: stage.part1), other)
        #expect(codes(try evidence.thread(of: stage.part1.cid, withPlaintexts: false)) == [.secondCommitment])
    }

    @Test("third parties in an order's thread, and parts out of order, are found without a key")
    func strangers() throws {
        let stranger = try Person.with()
        func findings(_ change: (inout Evidence) throws -> Void) throws -> Set<OrderThread.Finding.Code> {
            var changed = evidence
            changed.add([stranger.document])
            try change(&changed)
            return codes(try changed.thread(of: stage.part1.cid, withPlaintexts: false))
        }
        #expect(try findings { _ = try redeem(&$0, by: stranger) } == [.thirdParty])
        #expect(
            try findings { evidence in
                let (part, approvals) = try redeem(&evidence)
                _ = try release(&evidence, part, approvals: approvals, by: stranger)
            } == [.thirdParty])
        #expect(
            try findings { evidence in
                let (part, approvals) = try redeem(&evidence)
                _ = try release(
                    &evidence, part, approvals: approvals, to: [stage.beneficiary.document, stranger.document])
            } == [.recipients])
        // A release of an order that nobody asked to redeem, and a redemption of one that was never committed to.
        #expect(
            try findings { _ = try release(&$0, part2, approvals: []) } == [.outOfOrder])
        #expect(try findings { _ = try redeem(&$0, after: stage.part1) } == [.outOfOrder])
        #expect(
            try findings { evidence in
                let part = try OrderStage.envelope(
                    .commitment, [1], from: stranger, to: stage.everybody, answering: stage.part1)
                evidence.add(part, [1])
            } == [.secondCommitment, .thirdParty])
    }

    @Test("a fork of an order's thread, and a fiduciary that contradicts itself, are found without a key")
    func forks() throws {
        func findings(_ change: (inout Evidence) throws -> Void) throws -> Set<OrderThread.Finding.Code> {
            var changed = evidence
            try change(&changed)
            return codes(try changed.thread(of: stage.part1.cid, withPlaintexts: false))
        }
        func refuse(_ evidence: inout Evidence, _ part: SignedEnvelope, use: Int) throws {
            let plaintext = try OrderRefusal(
                order: stage.part1.cid, terms: stage.order.terms, use: use, refused: part.cid, code: "taken",
                reason: "another came first"
            ).encoded()
            evidence.add(
                try OrderStage.envelope(
                    .refusal, plaintext, from: stage.fiduciary, to: [stage.beneficiary.document], answering: part),
                plaintext)
        }
        // Two redemptions, of which one is released and the other refused, are as it should be.
        #expect(
            try findings { evidence in
                let (winner, approvals) = try redeem(&evidence)
                let (loser, _) = try redeem(&evidence)
                _ = try release(&evidence, winner, approvals: approvals)
                try refuse(&evidence, loser, use: 1)
            }.isEmpty)
        #expect(
            try findings { evidence in
                for _ in 0..<2 {
                    let (part, approvals) = try redeem(&evidence)
                    _ = try release(&evidence, part, approvals: approvals)
                }
            } == [.fork])
        #expect(
            try findings { evidence in
                let (part, approvals) = try redeem(&evidence)
                for _ in 0..<2 { _ = try release(&evidence, part, approvals: approvals) }
            } == [.fork])
        #expect(
            try findings { evidence in
                let (part, approvals) = try redeem(&evidence)
                _ = try release(&evidence, part, approvals: approvals)
                try refuse(&evidence, part, use: 1)
            } == [.contradiction])
        #expect(try findings { try refuse(&$0, stage.part1, use: 0) } == [.contradiction])
    }

    @Test("a forged signature in an order's thread is found")
    func forged() throws {
        var evidence = evidence
        let (part, _) = try redeem(&evidence)
        evidence.blocks[part.cid] = nil
        let forged = try part.forged()
        evidence.blocks[forged.cid] = forged.block
        let thread = try evidence.thread(of: stage.part1.cid, withPlaintexts: false)
        #expect(codes(thread).contains(.envelope) && thread.verdict == .bad)
    }

    @Test("contents that contradict the order are found by a reader who can open them")
    func contents() throws {
        func findings(_ change: (inout Evidence) throws -> Void) throws -> Set<OrderThread.Finding.Code> {
            var changed = evidence
            try change(&changed)
            #expect(try changed.thread(of: stage.part1.cid, withPlaintexts: false).verdict == .sound)
            return codes(try changed.thread(of: stage.part1.cid))
        }
        let wrong: [(String, (inout Evidence) throws -> Void)] = [
            (
                "another secret than committed to",
                { evidence in
                    let (part, approvals) = try redeem(&evidence)
                    _ = try release(
                        &evidence, part, approvals: approvals, secret: [UInt8](repeating: 9, count: 32))
                }
            ),
            (
                "too few approvals",
                { evidence in
                    let (part, approvals) = try redeem(&evidence)
                    _ = try release(&evidence, part, approvals: [approvals[0], approvals[0]])
                }
            ),
            (
                "a forged approval",
                { evidence in
                    let (part, approvals) = try redeem(&evidence)
                    _ = try release(&evidence, part, approvals: [approvals[0], approvals[1].forged()])
                }
            ),
            (
                "another use than was asked for",
                { evidence in
                    let (part, approvals) = try redeem(&evidence)
                    _ = try release(&evidence, part, use: 2, approvals: approvals)
                }
            ),
            ("use 2 first", { evidence in _ = try redeem(&evidence, use: 2) }),
            (
                "another redemption named",
                { evidence in
                    let (part, approvals) = try redeem(&evidence)
                    _ = try release(&evidence, part, approvals: approvals, named: part2.cid)
                }
            ),
            (
                "a redemption by an approver",
                { evidence in _ = try redeem(&evidence, by: stage.approvers[2]) }
            ),
        ]
        for (what, change) in wrong { #expect(try findings(change) == [.contents], "\(what)") }
    }
}
