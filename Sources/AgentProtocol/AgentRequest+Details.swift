import FoundationEssentials

/// The rarer fields of a request, as if they were its own. A field that is not set is empty.
///
/// `agent.proto` says which operation reads which of them.
extension AgentRequest {
    private var found: AgentDetails { details.first ?? AgentDetails() }

    private mutating func change(_ body: (inout AgentDetails) -> Void) {
        var found = found
        body(&found)
        details = found == AgentDetails() ? [] : [found]
    }

    public var permission: String {
        get { found.permission }
        set { change { $0.permission = newValue } }
    }
    public var uid: UInt32 {
        get { found.uid }
        set { change { $0.uid = newValue } }
    }
    public var hasUid: Bool { found.hasUid }
    public var replyTo: String {
        get { found.replyTo }
        set { change { $0.replyTo = newValue } }
    }
    public var recovery: Data {
        get { found.recovery }
        set { change { $0.recovery = newValue } }
    }
    public var alias: String {
        get { found.alias }
        set { change { $0.alias = newValue } }
    }
    public var url: String {
        get { found.url }
        set { change { $0.url = newValue } }
    }
    public var `public`: Bool {
        get { found.public }
        set { change { $0.public = newValue } }
    }
    public var allowUntrusted: Bool {
        get { found.allowUntrusted }
        set { change { $0.allowUntrusted = newValue } }
    }
    public var postQuantum: Bool {
        get { found.postQuantum }
        set { change { $0.postQuantum = newValue } }
    }
    public var dryRun: Bool {
        get { found.dryRun }
        set { change { $0.dryRun = newValue } }
    }
    public var localOnly: Bool {
        get { found.localOnly }
        set { change { $0.localOnly = newValue } }
    }
    /// The order that ``createOrder(_:)`` asks for.
    public var newOrder: AgentNewOrder {
        get { found.newOrder.first ?? AgentNewOrder() }
        set { change { $0.newOrder = [newValue] } }
    }
    public var decision: String {
        get { found.decision }
        set { change { $0.decision = newValue } }
    }
    public var purpose: String {
        get { found.purpose }
        set { change { $0.purpose = newValue } }
    }
    public var use: UInt32 {
        get { found.use }
        set { change { $0.use = newValue } }
    }
    public var expires: Int64 {
        get { found.expires }
        set { change { $0.expires = newValue } }
    }
    public var filters: [AgentField] {
        get { found.filters }
        set { change { $0.filters = newValue } }
    }
    /// The CID of the redemption about which ``decideOnOrder(_:as:decision:redemption:use:expires:)`` or
    /// ``fulfilOrder(_:decision:purpose:redemption:)`` decides.
    public var redemption: String {
        get { found.redemption }
        set { change { $0.redemption = newValue } }
    }
    /// USER@HOST, of ``explainPolicy(subject:permission:uid:sshLogin:)``.
    public var sshLogin: String {
        get { found.sshLogin }
        set { change { $0.sshLogin = newValue } }
    }
    /// Of ``sign(key:message:prehashed:format:scheme:)`` and its counterpart: how an RSA key signs.
    public var scheme: AgentSignatureScheme {
        get { found.scheme }
        set { change { $0.scheme = newValue } }
    }
    public var requestFields: [AgentField] {
        get { found.requestFields }
        set { change { $0.requestFields = newValue } }
    }
}

/// The rarer lists of an answer, as if they were its own. A list that is not set is empty.
extension AgentResponse {
    private var found: AgentLists { lists.first ?? AgentLists() }

    private mutating func change(_ body: (inout AgentLists) -> Void) {
        var found = found
        body(&found)
        lists = found == AgentLists() ? [] : [found]
    }

    public var publications: [AgentPublication] {
        get { found.publications }
        set { change { $0.publications = newValue } }
    }
    public var orders: [AgentOrder] {
        get { found.orders }
        set { change { $0.orders = newValue } }
    }
    public var parts: [AgentOrderPart] {
        get { found.parts }
        set { change { $0.parts = newValue } }
    }
    public var plugins: [AgentPlugin] {
        get { found.plugins }
        set { change { $0.plugins = newValue } }
    }
    public var shares: [AgentWalletShare] {
        get { found.shares }
        set { change { $0.shares = newValue } }
    }
    public var sshKeys: [AgentSSHKey] {
        get { found.sshKeys }
        set { change { $0.sshKeys = newValue } }
    }
    public var keyViews: [AgentKeyView] {
        get { found.keyViews }
        set { change { $0.keyViews = newValue } }
    }
    /// What helps against an error.
    public var hints: [AgentHint] {
        get { found.hints }
        set { change { $0.hints = newValue } }
    }
}

extension AgentResponse {
    /// The bytes of plaintext of a body in chunks; 0 if the body is in `data`.
    public var size: UInt64 { chunks.first?.size ?? 0 }
    /// The key of one envelope's chunks; empty if there are none, or if the envelope is public.
    public var key: Data { chunks.first?.key ?? Data() }

    /// Says that the body is in chunks.
    /// - Parameter size: how many bytes of plaintext the body has.
    /// - Parameter key: the chunk key; empty if the envelope is public.
    public mutating func setChunks(size: UInt64, key: Data) {
        var answer = AgentChunks()
        answer.size = size
        answer.key = key
        chunks = [answer]
    }
}
