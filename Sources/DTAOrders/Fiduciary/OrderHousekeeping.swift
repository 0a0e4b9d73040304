/// What a fiduciary's host does by itself: it refuses redemptions that can no longer be answered, finishes destructions
/// that were decided, destroys epochs' keys that are due, and makes the receipts.
struct OrderHousekeeping: Sendable {
    let watch: UnanswerableWatch
    let destroyer: SecretDestroyer
    let epochs: EpochKeeper

    var hasWork: Bool { isDestroying || (try? watch.hasWork()) == true }

    private var isDestroying: Bool { (try? destroyer.hasWork()) == true || (try? epochs.hasWork()) == true }

    /// Does part of the work.
    func work(_ post: PartPost) throws {
        try watch.work(post)
        guard isDestroying else { return }
        try destroyer.finishDestructions(post)
        try epochs.work(post)
    }
}
