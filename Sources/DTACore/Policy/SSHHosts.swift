import DTAConfiguration
import DTASSH
import DTASystem

/// The hosts that terms may name, by the keys of `ssh.hosts`.
struct SSHHosts: Sendable {
    private var hosts: [String: [SSHDestination.KnownKey]] = [:]

    /// - Throws: `DTAError` that names the line.
    init(_ hosts: [Configuration.SSH.Host]) throws {
        for host in hosts {
            guard !host.name.contains(where: { ">@*?".contains($0) || $0.isWhitespace }) else {
                throw DTAError(.invalidArgument, "ssh.hosts, line \(host.line): \(quoted(host.name)) is no host's name")
            }
            var known: [SSHDestination.KnownKey] = []
            for (lines, isAuthority) in [(host.keys, false), (host.authorities, true)] {
                for line in lines {
                    do {
                        known.append(.init(try SSHPublicKey.line(line).key, isAuthority: isAuthority))
                    } catch {
                        throw DTAError(.invalidArgument, "ssh.hosts, line \(host.line): \(quoted(line)): \(error)")
                    }
                }
            }
            self.hosts[host.name, default: []] += known
        }
    }

    /// The first name, in the alphabet, of a host that shows this key; nil if none is known.
    /// - Parameter now: Unix seconds.
    func name(of key: SSHKey, now: UInt64) -> String? {
        hosts.sorted { $0.key < $1.key }.first { SSHDestination.Host.known($0.key, $0.value).matches(key, now: now) }?
            .key
    }

    /// A destination as `ssh-add -h` takes it: `[FROM>][USER@]HOST`. As HOST or FROM, `*` is any host.
    /// - Throws: `DTAError` if a host is not known.
    func destination(_ text: String) throws -> SSHDestination {
        let hops = text.split(separator: ">", maxSplits: 1, omittingEmptySubsequences: false)
        guard let last = hops.last else { throw SSHHosts.wrong(text) }
        let place = last.split(separator: "@", omittingEmptySubsequences: false)
        guard let name = place.last, place.count <= 2, place.allSatisfy({ !$0.isEmpty }) else {
            throw SSHHosts.wrong(text)
        }
        return SSHDestination(
            from: hops.count == 2 ? try host(hops[0], text) : nil, to: try host(name, text),
            user: place.count == 2 ? String(place[0]) : nil)
    }

    private func host(_ name: Substring, _ text: String) throws -> SSHDestination.Host {
        if name == "*" { return .any }
        guard let keys = hosts[String(name)] else {
            throw DTAError(
                .invalidArgument, "\(quoted(text)) names a host of which no key is known",
                hint: "ssh.hosts in dtad.yaml lists hosts with their keys")
        }
        return .known(String(name), keys)
    }

    private static func wrong(_ text: String) -> DTAError {
        DTAError(
            .invalidArgument, "\(quoted(text)) is no log-in: it is * or [FROM>][USER@]HOST")
    }
}
