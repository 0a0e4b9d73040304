import Testing

@testable import DTAFormats

@Suite("The judgement of identities")
struct IdentityJudgeTests {
    typealias Party = (person: Person, document: SignedIdentity)

    let recovery = Recovery()
    let a: Party

    init() throws { a = try Person.with(recovery: recovery) }

    private func next(_ old: Party) throws -> Party {
        try Person.replacing(old.document, by: [old.person.consent], recovery: recovery)
    }

    private func recovered(_ old: Party) throws -> Party {
        try Person.replacing(old.document, by: [recovery.consent], recovery: recovery)
    }

    private func revocation(_ party: Party) throws -> SignedRevocation {
        try SignedRevocation(revoking: party.document, at: 1, by: party.person.consent)
    }

    private func judge(
        _ parties: [Party], _ revocations: [SignedRevocation] = []
    ) -> IdentityJudge<KnownDocuments> {
        // The order in which documents come to be known makes no difference.
        IdentityJudge(KnownDocuments(parties.map(\.document).shuffled(), revocations: revocations.shuffled()))
    }

    @Test("an identity of which nothing else is known is current")
    func alone() throws {
        #expect(try judge([a]).standing(of: a.document.cid) == .current)
        #expect(try judge([]).standing(of: a.document.cid) == .current)
    }

    @Test("a chain of rotations of an identity leads to its end, and the end descends from all")
    func chain() throws {
        let b = try next(a)
        let c = try next(b)
        let judge = judge([a, b, c])
        #expect(try judge.standing(of: a.document.cid) == .rotated(to: b.document.cid))
        #expect(try judge.standing(of: b.document.cid) == .rotated(to: c.document.cid))
        #expect(try judge.standing(of: c.document.cid) == .current)
        for party in [a, b, c] {
            let newest = try judge.newest(of: party.document.cid)
            #expect(newest.cid == c.document.cid && newest.standing == .current)
        }
        #expect(try judge.lineage(of: c.document.cid) == [b.document.cid, a.document.cid])
    }

    @Test("a missing link in a line of identities is not believed in")
    func missingLink() throws {
        let b = try next(a)
        let c = try next(b)
        let judge = judge([a, c])
        #expect(try judge.standing(of: a.document.cid) == .current)
        #expect(try judge.lineage(of: c.document.cid).isEmpty)
    }

    @Test("the revocation of an identity beats its rotation, by recovery too, and what came after stands for itself")
    func revocationWins() throws {
        let b = try next(a)
        let c = try recovered(a)
        for parties in [[a, b], [a, b, c], [a, c]] {
            let judge = try judge(parties, [revocation(a)])
            #expect(try judge.standing(of: a.document.cid) == .revoked)
            #expect(try judge.newest(of: a.document.cid).cid == a.document.cid)
            for party in parties.dropFirst() {
                #expect(try judge.standing(of: party.document.cid) == .current)
                #expect(try judge.lineage(of: party.document.cid).isEmpty)
            }
        }
    }

    @Test("an identity that is revoked at the end of a line is revoked, and the line ends there")
    func revokedEnd() throws {
        let b = try next(a)
        let judge = try judge([a, b], [revocation(b)])
        #expect(try judge.standing(of: a.document.cid) == .rotated(to: b.document.cid))
        let newest = try judge.newest(of: a.document.cid)
        #expect(newest.cid == b.document.cid && newest.standing == .revoked)
    }

    @Test("two rotations of one identity are a conflict, on either side and for all that follows")
    func conflict() throws {
        let (b, c) = (try next(a), try next(a))
        let d = try next(c)
        let judge = judge([a, b, c, d])
        for party in [a, b, c, d] { #expect(try judge.standing(of: party.document.cid) == .conflict) }
        #expect(try judge.newest(of: a.document.cid).standing == .conflict)
        #expect(try judge.lineage(of: b.document.cid).isEmpty)
        #expect(try judge.lineage(of: d.document.cid) == [c.document.cid])
    }

    @Test("a rotation with the recovery key's signature decides a conflict, and overrules those without")
    func recoveryWins() throws {
        let (b, c) = (try next(a), try next(a))
        let d = try next(b)
        let r = try recovered(a)
        let judge = judge([a, b, c, d, r])
        for party in [a, b, c, d] {
            #expect(try judge.standing(of: party.document.cid) == .rotated(to: r.document.cid))
            #expect(try judge.newest(of: party.document.cid).cid == r.document.cid)
        }
        #expect(try judge.standing(of: r.document.cid) == .current)
        #expect(try judge.lineage(of: r.document.cid) == [a.document.cid])
        #expect(try judge.lineage(of: d.document.cid) == [b.document.cid])
    }

    @Test("two rotations with the recovery key's signature are a conflict")
    func recoveredTwice() throws {
        let (b, c, d) = (try recovered(a), try recovered(a), try next(a))
        for party in [a, b, c, d] {
            #expect(try judge([a, b, c, d]).standing(of: party.document.cid) == .conflict)
        }
    }

    @Test("a conflict is not ended by the revocation of one side: a thief could be the other")
    func revokedRival() throws {
        let (b, c) = (try next(a), try next(a))
        let judge = try judge([a, b, c], [revocation(b)])
        #expect(try judge.standing(of: b.document.cid) == .revoked)
        #expect(try judge.standing(of: a.document.cid) == .conflict)
        #expect(try judge.standing(of: c.document.cid) == .conflict)
    }

    @Test("an identity that was overruled twice leads to the end of the line that holds")
    func nested() throws {
        let b = try next(a)
        let c = try next(b)
        let c2 = try recovered(b)
        let b2 = try recovered(a)
        let b3 = try next(b2)
        let judge = judge([a, b, c, c2, b2, b3])
        for party in [a, b, c, c2, b2, b3] {
            #expect(try judge.newest(of: party.document.cid).cid == b3.document.cid)
        }
    }

    @Test("forged successors and revocations of an identity are no facts, and are told")
    func forgeries() throws {
        let mallory = try Person("mallory")
        let identity = try mallory.identity(replacing: a.document.cid)
        let forged = try [DocumentSignature.Role.own, .previous].map {
            DocumentSignature(role: $0, signature: try mallory.sign(SignedBytes.identity, identity.hash))
        }
        let document = try SignedIdentity(block: SignedIdentity.encode(identity, forged))
        let revoked = try revocation(try Person.with())
        let block = try DAGCBOR.encode(
            DAGCBOR.decode(revoked.block).changing(["revocation", "revokes"], to: .link(a.document.cid)))
        let replayed = try SignedRevocation(block: block)
        let facts = KnownDocuments([a.document, document], revocations: [replayed])
        #expect(facts.refuted == [document.cid, replayed.cid])
        #expect(facts.revocations.isEmpty)
        #expect(try IdentityJudge(facts).standing(of: a.document.cid) == .current)
        #expect(try IdentityJudge(facts).standing(of: document.cid) == .current)
        #expect(try IdentityJudge(facts).lineage(of: document.cid).isEmpty)
    }

    /// A line that nobody could sign in the time of a test.
    private struct MadeUp: SuccessionFacts {
        let cids: [CID]
        let places: [CID: Int]

        init(_ count: Int) {
            cids = (0..<count).map { CID(hashing: Array("\($0)".utf8), codec: .dagCBOR) }
            places = Dictionary(uniqueKeysWithValues: cids.enumerated().map { ($1, $0) })
        }

        func successors(of cid: CID) -> [Succession] {
            places[cid].flatMap { $0 + 1 < cids.count ? [Succession(cids[$0 + 1], by: .previous)] : nil } ?? []
        }

        func predecessor(of cid: CID) -> CID? { places[cid].flatMap { $0 > 0 ? cids[$0 - 1] : nil } }

        func isRevoked(_ cid: CID) -> Bool { false }
    }

    @Test("lines of identities are followed over 1,000 links, and no further")
    func bounded() throws {
        let line = MadeUp(3000)
        let judge = IdentityJudge(line)
        #expect(try judge.newest(of: line.cids[2500]).cid == line.cids[2999])
        #expect(try judge.newest(of: line.cids[0]).cid == line.cids[1000])
        #expect(try judge.lineage(of: line.cids[2999]).count == 1000)
        #expect(try judge.ancestors(of: line.cids[2999]).count == 1000)
        #expect(try judge.standing(of: line.cids[2999]) == .current)
    }
}
