import AgentProtocol
import CLinux
import DTAService
import DTASystem
import Glibc

/// dtad under a service manager with a PIN that the token refuses: it tells every client the reason until it is
/// restarted. If it ended, the service manager or the next client would start it again, and each start would try the
/// wrong PIN once more: real HSMs destroy their keys after a few.
struct WrongPIN {
    let reason: DTAError
    let listeners: [Descriptor]

    /// Clients that have their answer. A connection that is closed before a client has sent its request would hide it.
    private static let keptClients = 64

    /// Returns at SIGTERM.
    func answerEverybody() throws {
        let frame = try AgentFrame.encode(AgentResponse(id: 0, error: reason))
        var entries = listeners.map { pollfd(fd: $0.number, events: Int16(POLLIN), revents: 0) }
        var clients: [Descriptor] = []
        ServiceManager.ready(reason.message)
        while Signals.wait(milliseconds: 0) != .terminate {
            ServiceManager.alive()
            guard poll(&entries, nfds_t(entries.count), 250) > 0 else { continue }
            for entry in entries where entry.revents != 0 {
                let number = clinux_accept(entry.fd)
                guard number >= 0 else {
                    usleep(50_000)
                    continue
                }
                let client = Descriptor(owning: number)
                frame.withUnsafeBytes {
                    _ = send(number, $0.baseAddress, $0.count, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL))
                }
                shutdown(number, Int32(SHUT_WR))
                if clients.count == Self.keptClients { clients.removeFirst() }
                clients.append(client)
            }
        }
        ServiceManager.stopping("")
    }
}
