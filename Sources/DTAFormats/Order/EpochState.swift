/// How the key of an epoch is, under which secrets of orders are sealed.
public enum EpochState: String, Sendable, CaseIterable {
    /// New secrets are sealed under it.
    case open
    /// It seals nothing new.
    case full
    /// Its end is set: `ends`.
    case ending
    /// The key is not on the token, and secrets are sealed under it.
    case missing
    /// The key is on the token, and the database does not name it.
    case unknown
}
