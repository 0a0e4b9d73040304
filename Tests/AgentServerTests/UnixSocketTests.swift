import DTASystem
import Foundation
import TestSupport
import Testing

@Suite("A Unix socket that listens")
struct UnixSocketTests {
    @Test("has the mode that was asked for", arguments: [0o600, 0o660, 0o666] as [mode_t])
    func mode(_ mode: mode_t) throws {
        let directory = try TemporaryDirectory()
        let listener = try UnixSocket.listen(at: directory.file("s"), mode: mode)
        var status = stat()
        #expect(stat(directory.file("s"), &status) == 0)
        #expect(status.st_mode & 0o7777 == mode)
        withExtendedLifetime(listener) {}
    }

    @Test("was made without a change of the umask, which would open the files that other threads make meanwhile")
    func umaskStays() async throws {
        let directory = try TemporaryDirectory()
        let done = Locked(false)
        let modes = Task.detached {
            var modes: Set<mode_t> = []
            while !done.withLock({ $0 }) {
                let file = open(directory.file("file"), O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
                var status = stat()
                if fstat(file, &status) == 0 { modes.insert(status.st_mode & 0o7777) }
                close(file)
                unlink(directory.file("file"))
            }
            return modes
        }
        for _ in 0..<5_000 {
            let listener = try UnixSocket.listen(at: directory.file("s"), mode: 0o600)
            unlink(directory.file("s"))
            withExtendedLifetime(listener) {}
        }
        done.withLock { $0 = true }
        #expect(await modes.value.count == 1)
    }
}
