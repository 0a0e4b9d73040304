import DTASSH
import DTASystem

/// What a user is asked before a key signs: facts, of which the program that asks makes a sentence (docs/protocol.md).
package struct SSHQuestion: Sendable, Equatable {
    package struct Fact: Sendable, Equatable {
        package let name: String
        package let value: String
    }

    package private(set) var facts: [Fact] = []

    private mutating func add(_ name: String, _ value: String?) {
        if let value, !value.isEmpty { facts.append(Fact(name: name, value: value)) }
    }

    /// - Parameters:
    ///   - key: as ssh-add -l calls it.
    ///   - once: whether a yes holds for the rest of the session.
    ///   - hostName: what the configuration calls the host that shows a key.
    init(
        key: String, fingerprint: String, _ content: SSHSignedData, _ bindings: SSHBindings, _ caller: Caller,
        once: Bool,
        hostName: (SSHKey) -> String?
    ) {
        add("key", key)
        add("fingerprint", fingerprint)
        switch content {
        case .login(let login):
            add("kind", "login")
            add("user", login.user)
            if let host = bindings.host(of: login) {
                add("host", hostName(host))
                add("host_key", host.fingerprint)
            }
        case .message(let message):
            add("kind", "message")
            add("namespace", message.namespace)
        case .certificate(let certificate):
            add("kind", "certificate")
            add("certificate", certificate.kind.name)
            add("principals", certificate.principals.isEmpty ? "*" : certificate.principals.joined(separator: ","))
            add("before", "\(certificate.validBefore)")
        case .exchangeHash: add("kind", "exchange-hash")
        case .test: add("kind", "test")
        case .unknown: add("kind", "unknown")
        }
        // The host that asks, if the agent is forwarded to it.
        if bindings.areForwarded {
            let asking = bindings.all.last { $0.isForwarding }?.hostKey
            add("forwarded", asking.map { hostName($0) ?? $0.fingerprint } ?? "?")
        }
        add("pid", "\(caller.pid)")
        add("program", caller.executable)
        add("confirm", once ? "session" : "each")
    }
}
