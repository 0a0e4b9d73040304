import DTASystem
import Foundation

/// What tests have started and made, and not yet ended and removed. A fixture that is `static` is never released, so
/// its agent would outlive the run: what is left when the process exits is ended and removed then. A process that is
/// killed does not get there; Scripts/contained does the same from outside.
enum Leftovers {
    private struct State {
        var programs: Set<pid_t> = []
        var folders: Set<String> = []
        var isWatching = false
    }

    private static let state = Locked(State())

    static func add(program: pid_t) { change { $0.programs.insert(program) } }
    static func remove(program: pid_t) { change { $0.programs.remove(program) } }
    static func add(folder: String) { change { $0.folders.insert(folder) } }
    static func remove(folder: String) { change { $0.folders.remove(folder) } }

    private static func change(_ body: (inout State) -> Void) {
        let begins = state.withLock { state in
            body(&state)
            defer { state.isWatching = true }
            return !state.isWatching
        }
        if begins { atexit { Leftovers.clear() } }
    }

    private static func clear() {
        let left = state.withLock { state in
            defer { state = State(isWatching: true) }
            return state
        }
        // dtad ends its own processes when it is asked to end.
        for program in left.programs { kill(program, SIGTERM) }
        for program in left.programs {
            var polls = 0
            while waitpid(program, nil, WNOHANG) == 0 {
                polls += 1
                if polls == 500 { kill(program, SIGKILL) }
                usleep(10_000)  // pause: between two looks
            }
        }
        // A dtad-hsm ends a moment after the dtad that was killed, and may write a file of its token until then.
        for folder in left.folders {
            var tries = 0
            while !TemporaryDirectory.remove(folder), tries < 1_000 {
                tries += 1
                usleep(10_000)  // pause: between two looks
            }
        }
    }
}
