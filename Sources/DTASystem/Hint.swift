/// What helps against an error, as a fact. Each program says it in its own words: dtactl as a command, dtagw as a
/// member of a request. Numbers below 200 are those of `HintCode` in `agent.proto`, and never change.
public enum HintCode: UInt8, Sendable, CaseIterable {
    // Identities.
    case listIdentities = 1
    case makeIdentity = 2
    case makeRecoverableIdentity = 3
    /// Under which name the identity is to be trusted here.
    case nameAlias = 4
    /// An identity from elsewhere gets a name here by trust.
    case trustByAlias = 5
    case trust = 6
    case trustAgain = 7
    case importIdentity = 8
    case importAgain = 9
    case recover = 10
    case beginRecovery = 11
    case showHistory = 12

    // Envelopes and blocks.
    case allowUntrusted = 20
    case askSender = 21
    case storeBlock = 22
    case bringBlock = 23

    // Orders. The subject is an order's reference, or a field's name.
    case nameFiduciary = 30
    case nameRedeemers = 31
    case namePrincipal = 32
    /// As which of several identities.
    case nameActor = 33
    case giveField = 34
    case showOrder = 35
    case receivePart = 36
    case receiveDeposit = 37
    case compareOrder = 38
    case publishShares = 39
    case listEpochs = 40

    // Keys, the audit log and plugins.
    case listKeys = 50
    case listUnnamedKeys = 51
    case listOwnRecords = 52
    case acceptAudit = 53
    case testPlugin = 54

    // From 200 on, of what happens before an agent is asked, or without one: no answer has these.
    case nameSocket = 200
    case waitLonger = 201
    case sendAgain = 202
    case useTLS = 203
    case carryByHand = 204
    case giveCredential = 205
    case changeURL = 206
    /// A CAR of any size can be written and read by hand.
    case carryLargeCAR = 207
    case importCAR = 208
    case makeState = 209
    case replaceFile = 210

    /// What helps, in words that fit any client: they name no program and no option.
    /// - Parameter subject: as `Hint.subject`.
    public func sentence(_ subject: String) -> String {
        switch self {
        case .listIdentities: "the list of identities shows which there are"
        case .makeIdentity: "make a new identity"
        case .makeRecoverableIdentity: "make a new identity, with a recovery key"
        case .nameAlias: "give the alias under which it is trusted"
        case .trustByAlias:
            "identities from elsewhere are named by their CID, or by an alias under which they are trusted"
        case .trust: "trust it, if you know whose it is"
        case .trustAgain: "if that is over, trust it again"
        case .importIdentity: "import its document and those of its line, or trust it with the URL of its gateway"
        case .importAgain: "an older dtad may have stored it unseen: import it again"
        case .recover: "only its holder's recovery key can decide that"
        case .beginRecovery: "begin the recovery again"
        case .showHistory: "its history shows the line; recover the one at which it divides"
        case .changeURL: "if its gateway has moved, change its URL"
        case .allowUntrusted: "it is opened all the same if you allow senders who are not trusted"
        case .askSender: "ask its sender, by another way, whether it comes from them"
        case .storeBlock: "if you have its bytes, store them"
        case .bringBlock:
            "they are fetched from there, unless only this host is asked; a CAR that has them brings them back"
        case .carryLargeCAR: "the ledger writes and reads a CAR of any size"
        case .importCAR: "the ledger itself imports all blocks of a CAR"
        case .nameFiduciary: "name the fiduciary"
        case .nameRedeemers: "name the redeemers"
        case .namePrincipal: "name the principal"
        case .nameActor: "say as which identity"
        case .giveField: "give the field \(subject)"
        case .showOrder: "the order \(subject) tells what happened"
        case .receivePart: "if a part came as a file, take it in first"
        case .receiveDeposit: "the principal's gateway has it"
        case .compareOrder:
            "ask the others for what they have; then commit, release or refuse, or resume if it is complete"
        case .publishShares: "ask its holder to publish shares, and import the result"
        case .listEpochs: "the list of epochs shows which ones dtad did not make; an administrator can destroy those"
        case .sendAgain: "send again what was not delivered"
        case .useTLS: "use https://"
        case .carryByHand: "install libcurl, or carry it by hand, in a file"
        case .giveCredential: "it may want a token or a certificate"
        case .listKeys: "the list of keys shows those that this user may see"
        case .listUnnamedKeys: "the list of keys without a name shows them"
        case .listOwnRecords: "an administrator can; each user sees their own records"
        case .acceptAudit:
            "an administrator should put the file back as it was, or accept that it is lost"
        case .makeState: "a new state directory is to be made first"
        case .replaceFile: "choose another name, or have it replaced"
        case .testPlugin: "a test of the plugin shows what it does"
        case .nameSocket: "is dtad running?"
        case .waitLonger: "the request may still be done: see what it did before you repeat it"
        }
    }
}

/// What helps, and what it is about.
public struct Hint: Sendable, Equatable {
    public let code: HintCode
    /// An order's reference or a field's name; "" for most codes.
    public let subject: String

    public init(_ code: HintCode, _ subject: String = "") {
        self.code = code
        self.subject = subject
    }
}

extension [Hint] {
    /// All of them in one line.
    /// - Parameter words: how a program says one.
    public func text(_ words: (Hint) -> String = { $0.code.sentence($0.subject) }) -> String {
        map(words).joined(separator: "; ")
    }
}
