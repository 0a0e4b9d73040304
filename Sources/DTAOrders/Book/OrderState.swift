/// How far an order is, as this host knows. The same words for whoever has a part in it.
package enum OrderState: String, Sendable, CaseIterable {
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
    package var isOver: Bool {
        switch self {
        case .exhausted, .refused, .destroyed: true
        case .ordered, .committed, .requested, .released, .frozen: false
        }
    }
}
