/// How far an order is, as a host knows. It is the same for all parties.
public enum OrderState: String, Sendable, CaseIterable {
    /// Part 1 is there.
    case ordered
    /// The fiduciary committed itself: part 2.
    case committed
    /// A redemption is open: part 3.
    case requested
    /// A use was released, and there are more: part 4.
    case released
    /// All uses were released.
    case exhausted
    /// The fiduciary refused the order.
    case refused
    /// The fiduciary committed itself twice: nothing goes on, and the evidence is kept.
    case frozen
    /// The fiduciary destroyed the secret.
    case destroyed

    /// Whether nothing of it is needed any more for anything that is still to come.
    public var isOver: Bool {
        switch self {
        case .exhausted, .refused, .destroyed: true
        case .ordered, .committed, .requested, .released, .frozen: false
        }
    }
}
