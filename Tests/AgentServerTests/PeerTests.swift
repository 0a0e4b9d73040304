import DTASystem
import Glibc
import TestSupport
import Testing

@testable import AgentServer

@Suite("The peer of a connection", .ownThread)
struct PeerTests {
    @Test(
        "the peer of a connection is who the kernel says, by either way of watching its process",
        arguments: [true, false])
    func credentials(pidfdFromSocket: Bool) throws {
        let directory = try TemporaryDirectory()
        let listener = try UnixSocket.listen(at: directory.file("s"), mode: 0o600)
        let client = try UnixSocket.connect(to: directory.file("s"))
        let accepted = Descriptor(owning: try systemCall("accept") { accept(listener.number, nil, nil) })
        func find() throws -> Caller {
            let credentials = try Peer.credentials(of: accepted.number)
            return try Peer.find(accepted.number, credentials, pidfdFromSocket: pidfdFromSocket).caller
        }
        // Without SO_PEERPIDFD, a process that began within the last ticks is not told apart from a newcomer.
        try eventually("this process to be older than two ticks") { try find().executable != nil }
        let caller = try find()
        #expect(caller.uid == getuid())
        #expect(caller.gid == getgid())
        #expect(caller.pid == getpid())
        #expect(caller.executable?.hasPrefix("/") == true)
        withExtendedLifetime(client) {}
    }

    @Test(
        "the peer of a connection has the program and unit of no other process when its own has ended",
        arguments: [true, false])
    func ended(pidfdFromSocket: Bool) throws {
        let directory = try TemporaryDirectory()
        let listener = try UnixSocket.listen(at: directory.file("s"), mode: 0o600)
        let connector = try Subprocess(
            "/usr/bin/python3",
            ["-c", "import socket,sys; s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])", directory.file("s")])
        let accepted = Descriptor(owning: try systemCall("accept") { accept(listener.number, nil, nil) })
        #expect(connector.wait() == 0)
        let found = try Peer.find(
            accepted.number, Peer.credentials(of: accepted.number), withProgram: true, pidfdFromSocket: pidfdFromSocket)
        let caller = found.caller
        #expect(found.program == nil)
        #expect(caller.uid == getuid())
        #expect(caller.executable == nil)
        #expect(caller.unit == nil)
    }

    @Test(
        "the peer of a connection is in a system unit only where the unit is the system's",
        arguments: [
            ("0::/system.slice/web.service", "web.service"),
            ("0::/system.slice/web.service/worker", "web.service"),
            ("0::/system.slice/system-getty.slice/getty@tty1.service", "getty@tty1.service"),
            ("12:pids:/x.service\n0::/system.slice/a.service", "a.service"),
            ("0::/user.slice/user-1000.slice/user@1000.service/app.slice/web.service", nil),
            ("0::/user.slice/user-1000.slice/session-3.scope", nil),
            ("0::/", nil),
            ("", nil),
            ("nonsense", nil),
        ])
    func units(cgroup: String, unit: String?) {
        #expect(Peer.systemUnit(cgroup: cgroup) == unit)
    }
}
