/// Why something is refused on ssh.sock, as a word for records. The sentence for people is `sentence`.
public enum SSHObstacle: String, Error, Sendable, CaseIterable {
    // Bindings.
    case badHostSignature = "bad-host-signature"
    case boundForLogin = "bound-for-login"
    case sessionBoundBefore = "bound-before"
    case tooManyBindings = "too-many-bindings"
    // Destinations.
    case unbound
    case bindingFailed = "binding-failed"
    case noLogin = "no-login"
    case forwardingHop = "forwarding-hop"
    case wrongDestination = "wrong-destination"
    case otherSession = "other-session"
    case hostNotNamed = "host-not-named"
    case otherHost = "other-host"
    // Terms.
    case loginNotNamed = "login-not-named"
    case namespaceNotNamed = "namespace-not-named"
    case certificateNotNamed = "certificate-not-named"
    case certificateKind = "certificate-kind"
    case certificatePrincipals = "certificate-principals"
    case certificateTime = "certificate-time"
    case certificateOptions = "certificate-options"
    case unknownData = "unknown-data"
    case hostKeyOnly = "host-key-only"
    // Keys.
    case noSuchKey = "no-such-key"
    case notPermitted = "not-permitted"
    case sha1
    case hidden
    case locked
    case notLocked = "not-locked"
    case wrongPassphrase = "wrong-passphrase"
    case tooEarly = "too-early"
    case forwarded
    case noAdding = "no-adding"
    case unknownRequest = "unknown-request"
    case malformed
    case cutShort = "cut-short"
    // Confirmation.
    case noListener = "no-listener"
    case saidNo = "said-no"
    case noAnswer = "no-answer"
    case listenerGone = "listener-gone"
    case clientGone = "client-gone"
    case stopping
    case tooManyQuestions = "too-many-questions"

    /// What stands in the way.
    public var sentence: String {
        switch self {
        case .badHostSignature: "the host did not sign the session's id with the key that the binding names"
        case .boundForLogin: "the connection is bound to a session for its log-in, and to no further one"
        case .sessionBoundBefore: "the connection is bound to this session already"
        case .tooManyBindings: "a connection is bound to \(SSHBindings.limit) sessions at most"
        case .unbound: "the connection is bound to no session, so the host is not known"
        case .bindingFailed: "the connection could not be bound to its session"
        case .noLogin: "the key is for log-ins to certain hosts, and this is no log-in with it"
        case .forwardingHop: "the connection was forwarded, and is not bound to the session of a log-in"
        case .wrongDestination: "the key is not for this host, this user or this way to it"
        case .otherSession: "the log-in is of another session than the one that the connection is bound to"
        case .hostNotNamed: "the log-in through a forwarded connection does not name the host's key"
        case .otherHost: "the log-in names another host's key than the one that the connection is bound to"
        case .loginNotNamed: "no term lets the key log in there"
        case .namespaceNotNamed: "no term lets the key sign messages in this namespace"
        case .certificateNotNamed: "no term lets the key sign certificates"
        case .certificateKind: "the key may not sign certificates of this kind"
        case .certificatePrincipals: "the key may not sign certificates for these names, or for all"
        case .certificateTime: "the certificate would hold for longer than the key may certify"
        case .certificateOptions: "the certificate has an option that the key may not certify"
        case .unknownData: "what is to be signed is no log-in with this key, no signed message and no certificate"
        case .hostKeyOnly: "the key is a host's, and signs exchange hashes only"
        case .noSuchKey: "there is no such key here"
        case .notPermitted: "the key belongs to another user, and no grant gives its use"
        case .sha1: "the signature would be made with SHA-1"
        case .hidden: "the user hides the key from ssh.sock"
        case .locked: "the user locked ssh.sock"
        case .notLocked: "ssh.sock is not locked"
        case .wrongPassphrase: "the passphrase is wrong"
        case .tooEarly: "a passphrase was wrong a moment ago, or another one is being tried"
        case .forwarded: "a connection that is bound for forwarding may not lock or hide keys"
        case .noAdding: "keys are not added by this protocol"
        case .unknownRequest: "the request is not known here"
        case .malformed: "the message is not what the protocol wants"
        case .cutShort: "the connection ended within a message"
        case .noListener: "the user is to be asked, and no program of theirs listens for questions"
        case .saidNo: "the user was asked, and said no"
        case .noAnswer: "the user was asked, and did not answer in time"
        case .listenerGone: "the user was being asked when the program that asks ended"
        case .clientGone: "the user was being asked when the program that wants the signature ended"
        case .stopping: "the user was being asked when the agent stopped"
        case .tooManyQuestions: "too many other questions wait for an answer"
        }
    }
}
