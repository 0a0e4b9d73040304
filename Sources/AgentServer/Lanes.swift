import Glibc

/// All lanes of an agent, and one for each program that requests wait for. They take work at once, and do it from
/// `start` on.
public final class Lanes: Sendable {
    private let named: [Lane]
    private let programs: [String: Lane]
    private let custody: CustodyPools
    /// How many requests ask one program at a time.
    let callsPerProgram: Int

    /// - Parameters:
    ///   - custody: the source of the slow lane's HSM process.
    ///   - programs: the names that `Step.consulting` may use.
    ///   - callsPerProgram: how many requests call one of them at a time. If more than one, a single user has at most
    ///     one fewer, and one more request that waits.
    public init(_ custody: CustodyPools, programs: [String] = [], callsPerProgram: Int = 1) {
        self.custody = custody
        named = LaneName.allCases.map {
            Lane(name: $0.threadName, threads: $0.threads(processes: custody.processes), perUser: $0.threadsPerUser)
        }
        self.programs = Dictionary(
            programs.map { ($0, Lane(name: $0, threads: callsPerProgram, perUser: max(1, callsPerProgram - 1))) },
            uniquingKeysWith: { first, _ in first })
        self.callsPerProgram = callsPerProgram
    }

    subscript(_ name: LaneName) -> Lane { named[name.rawValue] }

    /// The lane of requests that wait for a program.
    func lane(ofProgram program: String) -> Lane { programs[program] ?? self[.asking] }

    /// Runs a job of the agent itself in the slow lane, as key management: one at a time.
    /// - Returns: false if the agent is stopping; `body` never runs then.
    @discardableResult
    public func inSlowLane(_ body: @escaping @Sendable (CustodyAccess) -> Void) -> Bool {
        self[.slow].submit(user: getuid()) { [custody] in custody.withProcess(of: .slow) { body($0) } }
    }

    private var all: [Lane] { named + programs.values }

    func start() { for lane in all { lane.start() } }

    /// Takes no new jobs, and does those that wait.
    func stop() { for lane in all { lane.stop() } }

    /// Whether no request is in a lane.
    var areIdle: Bool {
        LaneName.allCases.allSatisfy { !$0.isForRequests || self[$0].isIdle } && programs.values.allSatisfy(\.isIdle)
    }
}
