import DTASystem
import Foundation
import TestSupport
import Testing

@Suite("A Unix socket that listens")
struct UnixSocketTests {
    @Test("a Unix socket that listens has the mode that was asked for", arguments: [0o600, 0o660, 0o666] as [mode_t])
    func mode(_ mode: mode_t) throws {
        let directory = try TemporaryDirectory()
        let listener = try UnixSocket.listen(at: directory.file("s"), mode: mode)
        var status = stat()
        #expect(stat(directory.file("s"), &status) == 0)
        #expect(status.st_mode & 0o7777 == mode)
        withExtendedLifetime(listener) {}
    }

    @Test(
        "a Unix socket that listens was made without a change of the umask, which would open the files that other threads make meanwhile"
    )
    func umaskStays() throws {
        let directory = try TemporaryDirectory()
        let stopping = Locked(false)
        let modes = Locked<Set<mode_t>>([])
        let ended = DispatchSemaphore(value: 0)
        Thread.detachNewThread {
            repeat {
                let file = open(directory.file("file"), O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
                var status = stat()
                let mode = fstat(file, &status) == 0 ? status.st_mode & 0o7777 : 0
                modes.withLock { _ = $0.insert(mode) }
                close(file)
                unlink(directory.file("file"))
            } while !stopping.withLock { $0 }
            ended.signal()
        }
        for _ in 0..<2_000 {
            let listener = try UnixSocket.listen(at: directory.file("s"), mode: 0o600)
            unlink(directory.file("s"))
            withExtendedLifetime(listener) {}
        }
        stopping.withLock { $0 = true }
        ended.wait()
        #expect(modes.withLock { $0.count } == 1)
    }
}
