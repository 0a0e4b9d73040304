import DTASystem
import Foundation
import Testing

/// Runs each test of a suite on a thread that may wait.
///
/// Tests that start programs mostly wait for them. The pool that tests run in has a thread for each processor, so that two
/// tests that wait on a host with two would keep all others from running, those that await something among them. With
/// this trait they wait elsewhere; how many tests run side by side is Scripts/test's to say.
public struct OwnThread: TestTrait, SuiteTrait, TestScoping {
    public var isRecursive: Bool { true }

    public func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @concurrent @Sendable () async throws -> Void
    ) async throws {
        try await withTaskExecutorPreference(WaitingThreads.shared) { try await function() }
    }
}

extension Trait where Self == OwnThread {
    public static var ownThread: Self { Self() }
}

/// As many threads as there is something to do at a time. They are kept for the next test.
final class WaitingThreads: TaskExecutor {
    private struct State {
        var jobs: [UnownedJob] = []
        var idle = 0
    }

    static let shared = WaitingThreads()

    private let state = Monitor(State())

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let isAnotherNeeded = state.withLockSignalling { state in
            state.jobs.append(job)
            return state.jobs.count > state.idle
        }
        if isAnotherNeeded { Foundation.Thread.detachNewThread { self.work() } }
    }

    private func work() {
        while let job = next() { job.runSynchronously(on: asUnownedTaskExecutor()) }
    }

    private func next() -> UnownedJob? {
        state.withLock { $0.idle += 1 }
        return state.wait { state in
            guard !state.jobs.isEmpty else { return nil }
            state.idle -= 1
            return state.jobs.removeFirst()
        }
    }
}
