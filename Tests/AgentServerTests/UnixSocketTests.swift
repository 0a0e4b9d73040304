import DTASystem
import Foundation
import TestSupport
import Testing

@Suite("A Unix socket that listens", .ownThread)
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
}
