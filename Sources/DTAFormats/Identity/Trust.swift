/// Whether a host trusts an identity.
public enum Trust: String, Sendable, CaseIterable {
    /// It was trusted by name, replaces one that was by links that all verify, or has its private keys there.
    case trusted
    case untrusted
    /// Trust was taken away, which no succession gives back.
    case distrusted
}
