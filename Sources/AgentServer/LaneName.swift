/// The lanes of the agent: queues with threads of their own, for work that workers must not wait for.
/// docs/architecture.md has the table.
public enum LaneName: Int, CaseIterable, Sendable {
    /// Slow work of the HSM: one job at a time.
    case slow
    /// The slowest work of the HSM, making RSA keys: other slow work does not wait for it.
    case making
    /// Work that needs the disk and no HSM (a refusal's record, a block): it goes on while the HSM hangs.
    case durable
    /// Work that reads from the disk, maybe for long (the audit log): no refusal and no block waits for that.
    case reading
    /// Envelopes: they are verified first, and then usually need an HSM process for a short time.
    case opening
    /// Work on much data, or for many recipients.
    case bulk
    /// Work that waits for another program, such as an IPFS node.
    case asking

    /// For newcomers: names that are in a file, names for which a directory service may be asked, and the hashing of
    /// programs. A lookup that hangs delays only its own user.
    case localNames
    case names
    case digests

    /// Whether it is for requests, not for newcomers.
    var isForRequests: Bool {
        switch self {
        case .slow, .making, .durable, .reading, .opening, .bulk, .asking: true
        case .localNames, .names, .digests: false
        }
    }

    /// The name of its threads.
    var threadName: String {
        switch self {
        case .slow: "slow-lane"
        case .making: "making-lane"
        case .durable: "durable-lane"
        case .reading: "reading-lane"
        case .opening: "opening-lane"
        case .bulk: "bulk-lane"
        case .asking: "asking-lane"
        case .localNames: "names-local"
        case .names: "names"
        case .digests: "digests"
        }
    }

    func threads(processes: Int) -> Int {
        switch self {
        case .slow, .making, .durable, .reading, .localNames: 1
        // One more than processes: a thread waits for the HSM only with a process of its own, so one is left to verify
        // and refuse while the HSM hangs.
        case .opening: processes + 1
        // A thread that waits for another program does nothing meanwhile.
        case .bulk, .asking, .names: 4
        case .digests: 2
        }
    }

    /// How many of its threads one user may occupy; nil: all.
    var threadsPerUser: Int? {
        switch self {
        case .slow, .making, .durable, .reading, .opening: nil
        // One hashes while the other writes. Others have two as well, because a seal waits for the HSM here.
        case .bulk: 2
        // One thread is always left for other users.
        case .asking: 3
        case .localNames, .names, .digests: 1
        }
    }
}
