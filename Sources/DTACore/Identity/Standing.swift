import DTAFormats

/// Whether this host trusts an identity, and how it comes to.
public enum Trust: String, Sendable {
    /// It was trusted by name, replaces one that was by links that all verify, or has its private keys here.
    case trusted
    case untrusted
    /// Trust was taken away, which no succession gives back.
    case distrusted
}

extension IdentityService {
    /// What is known here of an identity whose document is here.
    func standing(_ cid: CID) throws -> Standing { .current }

    /// Whether an identity is trusted now.
    func trust(_ cid: CID) throws -> Trust { own(cid) == nil ? .untrusted : .trusted }
}
