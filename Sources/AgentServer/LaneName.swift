/// The lanes of the agent: queues with threads of their own for what a worker must not wait for. docs/architecture.md has
/// the table.
public enum LaneName: Int, CaseIterable, Sendable {
    /// What is slow in the HSM: one thing at a time.
    case slow
    /// What needs the disk and no HSM (a refusal's record, a block): it works while the HSM hangs.
    case durable
    /// What reads from the disk, maybe for long (the audit log): no refusal and no block waits for that.
    case reading
    /// What is verified first and then mostly needs an HSM process, shortly.
    case opening
    /// What moves much data, or works on many recipients.
    case bulk
    /// What waits for another program, such as an IPFS node.
    case asking

    /// For newcomers: names that are in a file, names that somebody else may have to be asked for, and the hashing of
    /// programs. What hangs there holds up one user, and not those whose names are here.
    case localNames
    case names
    case digests

    /// Whether requests wait in it, and not newcomers.
    var isForRequests: Bool {
        switch self {
        case .slow, .durable, .reading, .opening, .bulk, .asking: true
        case .localNames, .names, .digests: false
        }
    }

    /// What its threads are called.
    var threadName: String {
        switch self {
        case .slow: "slow-lane"
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
        case .slow, .durable, .reading, .localNames: 1
        // So that with an HSM that hangs there is still one to verify and to refuse: a thread waits for the HSM only with a
        // process of its own.
        case .opening: processes + 1
        // A thread that waits for another program does nothing meanwhile.
        case .bulk, .asking, .names: 4
        case .digests: 2
        }
    }

    /// How many of its threads one user may occupy; nil: all.
    var threadsPerUser: Int? {
        switch self {
        case .slow, .durable, .reading, .opening: nil
        // One hashes while the other writes. Others have two as well, because a seal waits for the HSM here.
        case .bulk: 2
        // One is always left to others than the user who asks for much that is nowhere.
        case .asking: 3
        case .localNames, .names, .digests: 1
        }
    }
}
