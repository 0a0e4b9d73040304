import AgentServer
import DTAConfiguration
import DTASystem
import Glibc
import Logging

extension ServerLimits {
    /// The limits of the configuration, as far as this process has descriptors for them.
    /// - Parameters: `processes`: of dtad-hsm; `programs`: plugins that are programs.
    init(_ configuration: Configuration, processes: Int, programs: Int, logger: Logger) {
        self.init()
        let wanted = configuration.limits
        connectionsPerUser = wanted.connectionsPerUser
        requestsPerConnection = wanted.requestsPerConnection
        requestsPerUser = wanted.requestsPerUser
        bufferedBytes = wanted.bufferedBytes
        requestsPerSecond = wanted.requestsPerSecond
        let descriptors = ServerLimits.descriptorLimit()
        let own = ServerLimits.ownDescriptors(
            processes: processes, programs: programs, calls: configuration.plugins.calls)
        let possible = ServerLimits.connections(descriptors: descriptors, own: own)
        connections = min(wanted.connections, possible)
        if connections < wanted.connections {
            logger.warning(
                "there are descriptors for fewer connections than limits.connections: raise LimitNOFILE=",
                metadata: ["connections": "\(connections)", "descriptors": "\(descriptors)"])
        }
    }

    /// How many descriptors this process may have: its soft limit, which the start raised to the hard one.
    private static func descriptorLimit() -> Int {
        var files = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &files) == 0 else { return 1024 }
        return Int(clamping: files.rlim_cur)
    }

    /// The descriptors that are not for clients: the database and its readers, the log, drafts of envelopes and what
    /// reads their files, the IPFS node; a socket or two for each dtad-hsm; two pipes and a socket for each call of a
    /// plugin. With room to spare.
    static func ownDescriptors(processes: Int, programs: Int, calls: Int) -> Int {
        256 + 4 * (processes + 1) + 8 * programs * calls
    }

    /// If there are very few descriptors, half of them are for clients.
    static func connections(descriptors: Int, own: Int) -> Int { max(4, max(descriptors - own, descriptors / 2)) }
}
