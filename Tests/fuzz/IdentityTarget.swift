import DTAFormats

/// Identities and revocations, signed or not, and what they make of each other.
enum IdentityTarget: FuzzTarget {
    static func run(_ bytes: [UInt8]) {
        if let identity = try? Identity(encoded: bytes) {
            claim((try? identity.encoded) == bytes, "an identity has one encoding")
        }
        if let document = try? SignedIdentity(block: bytes) {
            claim(document.cid.names(document.block) && document.block == bytes, "a document is named by its hash")
            judge(KnownDocuments([document]), document.cid)
        }
        if let revocation = try? SignedRevocation(block: bytes) {
            claim(revocation.cid.names(bytes), "a revocation is named by its hash")
            judge(KnownDocuments([], revocations: [revocation]), revocation.revokes)
        }
    }

    private static func judge(_ known: KnownDocuments, _ cid: CID) {
        // Nothing about it is proven by one document alone.
        claim((try? IdentityJudge(known).standing(of: cid)) == .current, "one document decides nothing")
    }
}
