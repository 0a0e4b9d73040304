import DTASystem
import Foundation

/// Waits for something that must come: a file, a line of a log, a state. Gives up only after a time that no busy machine
/// needs. A test that pauses without looking for anything says so, and why, in a comment that begins with `pause:`;
/// Scripts/lint looks for that.
/// - Parameters:
///   - what: is said if it does not come; made only then.
///   - milliseconds: between two looks.
///   - condition: an error that it throws ends the waiting.
public func eventually(
    _ what: @autoclosure () -> String, seconds: UInt64 = 120, every milliseconds: UInt32 = 10,
    _ condition: () throws -> Bool
) throws {
    let end = monotonicNanoseconds() + seconds * 1_000_000_000
    while try !condition() {
        guard monotonicNanoseconds() < end else { throw TestFailure("waited in vain for \(what())") }
        usleep(milliseconds * 1000)  // pause: between two looks
    }
}

/// The same, in a test that other tasks must not wait for.
public func eventually(_ what: String, _ condition: @Sendable () -> Bool) async throws {
    let end = monotonicNanoseconds() + 120_000_000_000
    while !condition() {
        guard monotonicNanoseconds() < end else { throw TestFailure("waited in vain for \(what)") }
        try await Task.sleep(for: .milliseconds(5))  // pause: between two looks
    }
}
