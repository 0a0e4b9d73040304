import TestSupport
import Testing

@testable import DTAFormats

@Suite("Parts of orders")
struct OrderPartTests {
    static func cid(_ number: UInt8) -> CID { CID(hashing: [number], codec: .dagCBOR) }

    static func terms(approvals: Int = 2, maxUses: Int = 3) throws -> OrderTerms {
        try OrderTerms(
            fiduciary: cid(1), principal: cid(2), beneficiary: cid(3), redeemers: [cid(4), cid(3)], recipient: cid(3),
            approvers: approvals == 0 ? [] : [cid(5), cid(6), cid(7)], approvals: approvals, notBefore: 1, notAfter: 2,
            maxUses: maxUses)
    }

    static func approval() throws -> SignedApproval {
        let party = try Person.with()
        let approval = try OrderApproval(
            order: cid(9), redemption: cid(10), use: 2, decision: .reject, expires: 7, by: party.document.cid)
        return try SignedApproval(signing: approval, approver: party.document, with: party.person.sign)
    }

    /// One of each kind, with every field that it may have.
    static func all() throws -> [OrderPart] {
        let (terms, fields) = (
            try terms(), try OrderFields(["a": .text("é\u{1b}"), "b-1": .bytes([1, 2]), "c_": .integer(-5)])
        )
        return [
            .order(try Order(kind: "secret", terms: terms, fields: fields)),
            .commitment(
                try OrderCommitment(
                    order: cid(9), kind: "secret", terms: terms, publicKey: [1], proof: [], fields: fields)),
            .deposit(
                try OrderDeposit(
                    order: cid(9), terms: terms, commitment: cid(8), content: "text/plain",
                    sealed: [UInt8](repeating: 1, count: 81))),
            .redemption(
                try OrderRedemption(
                    order: cid(9), terms: terms, use: 3, nonce: [UInt8](repeating: 4, count: 16),
                    purpose: "because", request: fields)),
            .approval(try approval()),
            .release(
                try OrderRelease(
                    order: cid(9), terms: terms, use: 3, redemption: cid(10), received: 5, released: 6,
                    approvals: [try approval(), try approval()], result: fields)),
            .refusal(
                try OrderRefusal(
                    order: cid(9), terms: terms, use: 0, refused: cid(9), code: "no-plugin", reason: "no such kind",
                    winner: cid(11))),
            .destruction(
                try OrderDestruction(
                    order: cid(9), terms: terms, state: .pending, epoch: 7, key: "dta/epoch/7", at: 8,
                    statement: "what was released cannot be shredded")),
        ]
    }

    @Test("parts of orders are read as they were written, each under its own media type")
    func roundTrip() throws {
        for part in try OrderPartTests.all() {
            let bytes = try part.encoded()
            #expect(try OrderPart(bytes, as: part.kind) == part)
            #expect(try OrderPart(bytes, as: part.kind).encoded() == bytes)
            #expect(OrderPartKind(contentType: part.kind.contentType) == part.kind)
            for other in OrderPartKind.allCases where other != part.kind {
                #expect(throws: FormatError.self) { try OrderPart(bytes, as: other) }
            }
        }
        #expect(Set(try OrderPartTests.all().map(\.kind)) == Set(OrderPartKind.allCases))
        #expect(OrderPartKind(contentType: "application/vnd.dta.order.x") == nil)
    }

    @Test("parts of orders have no fields but their own, and lack none")
    func fields() throws {
        let optional: Set<String> = ["beneficiary", "not_before", "not_after", "purpose", "winner"]
        for part in try OrderPartTests.all() where part.kind != .approval {
            guard case .map(let map) = try DAGCBOR.decode(part.encoded()) else { return }
            var more = map
            more["extra"] = .null
            #expect(throws: FormatError.self) { try OrderPart(DAGCBOR.encode(.map(more)), as: part.kind) }
            for entry in map.entries {
                var less = map
                less[entry.key] = nil
                let bytes = try DAGCBOR.encode(.map(less))
                // A heading without a beneficiary contradicts terms that have one.
                let repeats = map["terms"] != nil && entry.key == "beneficiary"
                if optional.contains(entry.key), !repeats {
                    _ = try OrderPart(bytes, as: part.kind)
                } else {
                    #expect(throws: FormatError.self, "\(part.kind) without \(entry.key)") {
                        try OrderPart(bytes, as: part.kind)
                    }
                }
                var other = map
                other[entry.key] = .float(1)
                #expect(throws: FormatError.self, "\(part.kind): \(entry.key)") {
                    try OrderPart(DAGCBOR.encode(.map(other)), as: part.kind)
                }
            }
        }
    }

    @Test("terms of an order that nobody can meet, or that say nothing, are refused")
    func impossibleTerms() throws {
        typealias Make = () throws -> OrderTerms
        func cid(_ number: UInt8) -> CID { OrderPartTests.cid(number) }
        func make(
            redeemers: [UInt8] = [3], approvers: [UInt8] = [], approvals: Int = 0, mayApprove: Bool = false,
            notBefore: Int64? = nil, notAfter: Int64? = nil, maxUses: Int = 1
        ) throws -> OrderTerms {
            try OrderTerms(
                fiduciary: cid(1), principal: cid(2), redeemers: redeemers.map(cid), recipient: cid(3),
                approvers: approvers.map(cid), approvals: approvals, requesterMayApprove: mayApprove,
                notBefore: notBefore, notAfter: notAfter, maxUses: maxUses)
        }
        _ = try make()
        _ = try make(redeemers: Array(1...16), approvers: Array(1...16), approvals: 15)
        _ = try make(approvers: [3, 4], approvals: 1)
        _ = try make(approvers: [3], approvals: 1, mayApprove: true)
        _ = try make(redeemers: [3, 4], approvers: [3], approvals: 1)
        _ = try make(notBefore: 5, notAfter: 5, maxUses: 1_000_000)
        #expect(try make(redeemers: [4, 3, 4]) == make(redeemers: [3, 4]))
        let wrong: [(String, Make)] = [
            ("nobody may redeem", { try make(redeemers: []) }),
            ("too many redeemers", { try make(redeemers: Array(1...17)) }),
            ("too many approvers", { try make(approvers: Array(1...17), approvals: 1) }),
            ("more approvals than approvers", { try make(approvers: [4], approvals: 2) }),
            ("approvals without approvers", { try make(approvals: 1) }),
            ("approvers without approvals", { try make(approvers: [4]) }),
            ("a negative number", { try make(approvers: [4], approvals: -1) }),
            ("only the requester's own", { try make(approvers: [3], approvals: 1) }),
            ("his own is one of all", { try make(approvers: [3, 4], approvals: 2) }),
            ("he may approve nothing", { try make(mayApprove: true) }),
            ("over before it begins", { try make(notBefore: 6, notAfter: 5) }),
            ("before 1970", { try make(notBefore: -1) }),
            ("no use", { try make(maxUses: 0) }),
            ("too many uses", { try make(maxUses: 1_000_001) }),
        ]
        for (what, body) in wrong { #expect(throws: FormatError.self, "\(what)") { try body() } }
        #expect(throws: FormatError.self) {
            try OrderTerms(
                fiduciary: CID(hashing: [], codec: .raw), principal: cid(2), redeemers: [cid(3)], recipient: cid(3))
        }
    }

    @Test("lists in an order that are out of order, or name somebody twice, are not canonical")
    func order() throws {
        let order = try Order(kind: "secret", terms: OrderPartTests.terms())
        guard case .map(let map) = try DAGCBOR.decode(order.encoded()) else { return }
        for field in ["redeemers", "approvers"] {
            guard case .list(let items)? = map[field] else { return }
            for changed in [items.reversed(), items + [items[0]]] {
                var other = map
                other[field] = .list(Array(changed))
                #expect(refusal { _ = try Order(DAGCBOR.encode(.map(other))) }.kind == .notCanonical)
            }
        }
        var other = map
        other["approvals"] = .integer(0)
        other["approvers"] = .list([])
        #expect(throws: FormatError.self) { try Order(DAGCBOR.encode(.map(other))) }
    }

    @Test("in parts of orders the names of kinds, fields, codes and lines for people are bounded")
    func names() throws {
        let terms = try OrderPartTests.terms()
        for kind in ["", "Secret", "a b", String(repeating: "a", count: 33), "é", "a/b"] {
            #expect(throws: FormatError.self) { try Order(kind: kind, terms: terms) }
        }
        #expect(throws: FormatError.self) { try OrderFields(["": .integer(1)]) }
        #expect(throws: FormatError.self) { try OrderFields(["A": .integer(1)]) }
        #expect(throws: FormatError.self) {
            try OrderFields(Dictionary(uniqueKeysWithValues: (0..<33).map { ("f\($0)", .integer(1)) }))
        }
        #expect(throws: FormatError.self) {
            try Order(
                kind: "secret", terms: terms, fields: OrderFields(["a": .bytes([UInt8](repeating: 0, count: 65_536))]))
        }
        for purpose in ["", "two\nlines", "\u{202e}x", String(repeating: "p", count: 257)] {
            #expect(throws: FormatError.self) {
                try OrderRedemption(
                    order: OrderPartTests.cid(9), terms: terms, use: 1, nonce: [UInt8](repeating: 0, count: 16),
                    purpose: purpose)
            }
        }
        for use in [0, 4, -1] {
            #expect(throws: FormatError.self) {
                try OrderRedemption(
                    order: OrderPartTests.cid(9), terms: terms, use: use, nonce: [UInt8](repeating: 0, count: 16))
            }
        }
    }

    @Test("a part's heading is of one order, with one fiduciary, principal and beneficiary")
    func headings() throws {
        let terms = try OrderPartTests.terms()
        let heading = OrderHeading(order: OrderPartTests.cid(9), use: 1, terms: terms)
        try heading.check(order: OrderPartTests.cid(9), terms: terms)
        #expect(throws: FormatError.self) { try heading.check(order: OrderPartTests.cid(8), terms: terms) }
        let cid = OrderPartTests.cid
        for (fiduciary, principal, beneficiary) in [(8, 2, 3), (1, 8, 3), (1, 2, 8), (1, 2, nil)]
            as [(UInt8, UInt8, UInt8?)]
        {
            let other = try OrderTerms(
                fiduciary: cid(fiduciary), principal: cid(principal), beneficiary: beneficiary.map(cid),
                redeemers: [cid(4)], recipient: cid(3))
            #expect(throws: FormatError.self) { try heading.check(order: cid(9), terms: other) }
        }
    }

    @Test("an order's reference is its thread in 26 letters, and has one spelling")
    func references() throws {
        let reference = try OrderReference(thread: Array(0..<16))
        #expect(reference.description == "aaaqeayeaudaocajbifqydiob4")
        #expect(try OrderReference("aaaqeayeaudaocajbifqydiob4") == reference)
        for text in ["", "aaaqeayeaudaocajbifqydiob", "AAAQEAYEAUDAOCAJBIFQYDIOB4", "aaaqeayeaudaocajbifqydiob5"] {
            #expect(throws: FormatError.self) { try OrderReference(text) }
        }
        #expect(throws: FormatError.self) { try OrderReference(thread: [1]) }
    }

    @Test("an approval is signed by its approver, in its own context, with all of the approver's keys")
    func approvals() throws {
        let signed = try OrderPartTests.approval()
        let party = try Person.with()
        #expect(throws: FormatError.self) { try signed.verify(approver: party.document) }
        let approval = try OrderApproval(
            order: signed.approval.order, redemption: signed.approval.redemption, use: 1, decision: .approve,
            expires: 1, by: party.document.cid)
        #expect(throws: FormatError.self) {
            try SignedApproval(signing: approval, approver: party.document) { _, hash in
                try party.person.sign(SignedBytes.envelope, hash)
            }
        }
        let good = try SignedApproval(signing: approval, approver: party.document, with: party.person.sign)
        try SignedApproval(good.block).verify(approver: party.document)
        #expect(throws: FormatError.self) { try good.forged().verify(approver: party.document) }
    }

    @Test("a change of any value makes another part or none, and random bytes never make two encodings of one part")
    func mutations() throws {
        var generator = SeededGenerator()
        for part in try OrderPartTests.all() {
            let bytes = try part.encoded()
            for mutation in Mutation.flips(of: try DAGCBOR.decode(bytes)) {
                let changed = try DAGCBOR.encode(mutation.value)
                guard let other = try? OrderPart(changed, as: part.kind) else { continue }
                #expect(try other.encoded() == changed && other != part, "\(part.kind) \(mutation.path)")
            }
            for _ in 0..<500 {
                var changed = bytes
                for _ in 0..<Int.random(in: 1...3, using: &generator) {
                    changed[Int.random(in: 0..<changed.count, using: &generator)] = .random(
                        in: 0...255, using: &generator)
                }
                guard let other = try? OrderPart(changed, as: part.kind) else { continue }
                #expect(try other.encoded() == changed, "\(part.kind), DTA_TEST_SEED=\(generator.seed)")
            }
        }
    }
}
