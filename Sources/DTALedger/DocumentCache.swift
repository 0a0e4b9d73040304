import DTAFormats
import DTASystem

/// Identities' documents that were verified recently: each verification costs a signature and a trial encapsulation,
/// and an envelope may have a thousand recipients. A document never changes under its CID.
///
/// There are two generations: a document that is used moves to the young one; when that is full, the old one is
/// dropped. So the cache has at least the latest `capacity` documents, and at most twice as many (some 4 KB each).
final class DocumentCache: Sendable {
    private static let capacity = 1024

    private struct Generations: Sendable {
        var young: [CID: SignedIdentity] = [:]
        var old: [CID: SignedIdentity] = [:]
    }

    private let generations = Locked(Generations())

    subscript(cid: CID) -> SignedIdentity? {
        generations.withLock { generations in
            if let document = generations.young[cid] { return document }
            guard let document = generations.old[cid] else { return nil }
            DocumentCache.add(document, to: &generations)
            return document
        }
    }

    func add(_ document: SignedIdentity) {
        generations.withLock { DocumentCache.add(document, to: &$0) }
    }

    private static func add(_ document: SignedIdentity, to generations: inout Generations) {
        if generations.young.count >= capacity {
            generations.old = generations.young
            generations.young = [:]
        }
        generations.young[document.cid] = document
    }
}
