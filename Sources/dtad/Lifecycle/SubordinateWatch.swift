import AgentServer
import DTASystem
import Glibc
import Logging

/// Reads /etc/subuid at the start, and again within a second of a change: on a thread of its own, because names in it
/// may have to be looked up over the network.
enum SubordinateWatch {
    static func start(_ users: SubordinateUsers, _ logger: Logger) {
        read(users, logger)
        Thread.start("subuid") {
            while true {
                sleep(1)
                read(users, logger)
            }
        }
    }

    private static func read(_ users: SubordinateUsers, _ logger: Logger) {
        guard let complaints = users.refresh(), !complaints.isEmpty else { return }
        logger.warning(
            "/etc/subuid: uids of these lines count each for themselves",
            metadata: ["first": "\(complaints[0])", "lines": "\(complaints.count)"])
    }
}
