import DTASystem

/// What can be done with a key or an identity, with the names of grants and `policy explain`.
package enum Permission: String, Sendable, CaseIterable {
    case sign, mac, encrypt, decrypt
    /// To agree on secrets by ECDH.
    case derive
    /// To see it: in lists, its type, its owner and its public half; to verify with it.
    case `public`
    /// To delete it.
    case manage
    /// To make one with its name; all users may, except couriers.
    case create
    /// To send envelopes as an identity.
    case seal
    /// To read envelopes to an identity.
    case open
    /// To replace an identity by one with new keys, and to revoke it: both are signed with its own key.
    case rotate, revoke
    /// To decide which identities this host trusts, and under which name.
    case trust
    /// To order, redeem and deposit as an identity, and to read what was released to it.
    case order
    /// To decide as an identity about other people's redemptions.
    case approve
    /// To commit, release, refuse and destroy as a fiduciary.
    case fulfil
    /// To store blocks; all users may.
    case publish
    /// To ask for random bytes; all users may.
    case random

    package init(name: String) throws {
        guard let permission = Permission(rawValue: name) else {
            let known = Permission.allCases.map(\.rawValue).joined(separator: ", ")
            throw DTAError(.invalidArgument, "there is no permission \(quoted(name)): there are \(known)")
        }
        self = permission
    }

    package func applies(to kind: Resource.Kind) -> Bool {
        switch self {
        case .sign, .mac, .encrypt, .decrypt, .derive: kind == .key
        case .seal, .open, .rotate, .revoke, .trust, .order, .approve, .fulfil: kind == .identity
        case .public, .manage, .create: true
        case .publish, .random: false
        }
    }

    /// Root administers: it may see and delete everything, but use nothing.
    var isAdministration: Bool { self == .public || self == .manage }

    var isEverybodys: Bool { self == .publish || self == .random }

    /// The verb in: user alice may not … key "release".
    var verb: String {
        switch self {
        case .sign: "sign with"
        case .mac: "make MACs with"
        case .encrypt: "encrypt with"
        case .decrypt: "decrypt with"
        case .derive: "agree on secrets with"
        case .public: "see"
        case .manage: "manage"
        case .create: "make"
        case .seal: "seal envelopes as"
        case .open: "open envelopes to"
        case .rotate: "rotate"
        case .revoke: "revoke"
        case .trust: "decide about trust in"
        case .order: "order and redeem as"
        case .approve: "approve redemptions as"
        case .fulfil: "fulfil orders as"
        case .publish: "publish"
        case .random: "use the random generator of"
        }
    }
}

/// A key or an identity, as the policy sees it.
package struct Resource: Sendable {
    package enum Kind: String, Sendable {
        case key, identity

        var plural: String { self == .key ? "keys" : "identities" }
    }

    package let kind: Kind
    package let name: String
    package let owner: Owner
    /// Whether it is a key that existed before it came to the token: there may be copies of it.
    package let isImported: Bool

    package init(_ kind: Kind, _ name: String, owner: Owner, isImported: Bool = false) {
        self.isImported = isImported
        self.kind = kind
        self.name = name
        self.owner = owner
    }

    package var display: String { "\(kind.rawValue) \(quoted(name))" }
}

/// A client's text, made safe for a sentence: quoted, and cut to 80 characters.
package func quoted(_ text: String) -> String { ForeignText.quoted(text) }
