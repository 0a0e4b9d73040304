import DTAService
import DTASystem
import Glibc

/// The agent's sockets: passed in by systemd under the names `agent` and `ssh`, or bound here.
struct ListeningSocket {
    static let agentName = "agent"
    static let sshName = "ssh"

    let agent: [Descriptor]
    /// For the agent protocol of SSH; none if it is not configured.
    let ssh: [Descriptor]
    /// The paths that this process bound and has to remove.
    let boundPaths: [String]

    /// - Parameters:
    ///   - path: where to bind if nothing was passed in.
    ///   - sshPath: the same for SSH; nil: nowhere.
    static func take(path: String?, sshPath: String?) throws -> ListeningSocket {
        let passed = try ServiceManager.passedSockets()
        if !passed.isEmpty { return try take(passed) }
        guard let path else {
            throw DTAError(
                .invalidArgument, "there is no socket to listen on",
                hint: "give --socket PATH, set socket: in the configuration, or start dtad by its socket unit")
        }
        guard path != sshPath else {
            throw DTAError(.invalidArgument, "the socket \(path) cannot be both the agent's and that of SSH")
        }
        for path in [path, sshPath].compactMap({ $0 }) {
            if let fault = UnixSocket.fault(of: path) {
                throw DTAError(.invalidArgument, "the socket \(path) \(fault)")
            }
        }
        let agent = try bind(path)
        do {
            let ssh = try sshPath.map(bind)
            return ListeningSocket(
                agent: [agent], ssh: ssh.map { [$0] } ?? [], boundPaths: [path] + (sshPath.map { [$0] } ?? []))
        } catch {
            unlink(path)
            throw error
        }
    }

    private static func take(_ passed: [(name: String, socket: Descriptor)]) throws -> ListeningSocket {
        for (name, socket) in passed where !ServiceManager.isListeningStream(socket.number) {
            throw DTAError(
                .failedPrecondition, "the socket \"\(name)\" that was passed in is no listening Unix stream")
        }
        // systemd-socket-activate names its sockets "unknown" by default: one without a name is ours.
        let agent = passed.filter {
            $0.name == agentName || (passed.count == 1 && ["unknown", ""].contains($0.name))
        }
        guard !agent.isEmpty else {
            throw DTAError(
                .failedPrecondition,
                "no socket named \"\(agentName)\" was passed in, only \(passed.map(\.name).joined(separator: ", "))",
                hint: "FileDescriptorName=\(agentName) in dtad.socket")
        }
        return ListeningSocket(
            agent: agent.map(\.socket), ssh: passed.filter { $0.name == sshName }.map(\.socket), boundPaths: [])
    }

    /// Binds `path`; replaces a socket file there only if no program answers on it.
    private static func bind(_ path: String) throws -> Descriptor {
        do {
            return try UnixSocket.listen(at: path, mode: 0o660)
        } catch let error as SystemCallError where error.errno == EADDRINUSE {
            try removeStale(path)
            return try UnixSocket.listen(at: path, mode: 0o660)
        } catch let error as SystemCallError {
            throw DTAError(.failedPrecondition, "cannot listen on \(path): \(errorText(error.errno))")
        }
    }

    private static func removeStale(_ path: String) throws {
        var status = stat()
        guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else {
            throw DTAError(.failedPrecondition, "\(path) exists and is not a socket: it is left alone")
        }
        do {
            // A blocking connect would wait while the other's backlog is full.
            _ = try UnixSocket.connect(to: path, nonBlocking: true)
        } catch let error as SystemCallError {
            switch error.errno {
            case ECONNREFUSED:
                unlink(path)
                return
            case EPROTOTYPE:
                throw DTAError(
                    .failedPrecondition, "\(path) is a socket of another kind, such as for datagrams: it is left alone",
                    hint: "another program made it: give dtad another path")
            case EAGAIN: break
            default:
                throw DTAError(
                    .failedPrecondition, "\(path) is a socket to which dtad cannot connect: \(errorText(error.errno))",
                    hint: "remove it if no program needs it, or give dtad another path")
            }
        }
        throw DTAError(
            .failedPrecondition, "another program listens on \(path)", hint: "stop it, or give dtad another path")
    }

    func removeBound() {
        for path in boundPaths { unlink(path) }
    }
}
