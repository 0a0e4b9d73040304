import DTAFormats
import DTAPlugins
import DTASystem

/// `secret` and `safeguard-secret`: a secp256k1 key pair whose secret half is released on redemption. With the second,
/// a principal encrypts data to the public half.
struct SecretPlugin: BuiltInPlugin {
    enum Use: Sendable { case secret, safeguard }

    let use: Use
    let type: PluginType
    let fields: [PluginField] = []

    init(_ use: Use) {
        self.use = use
        type = BuiltInPlugins.type(use == .secret ? "secret" : "safeguard-secret")
    }

    var summary: String {
        use == .secret
            ? "a key pair whose secret half is released on redemption"
            : "keeps what is encrypted to a key whose secret half is released on redemption"
    }

    func validate(_ order: PluginOrder) throws {}

    func commit(_ order: PluginOrder) throws -> PluginCommitment? { nil }

    func prepare(_ order: PluginOrder, _ redemption: PluginRedemption) throws {
        try BuiltInPlugins.checkNothingAsked(redemption, type)
    }

    var takesDeposit: Bool { use == .safeguard }

    func verify(_ commitment: OrderCommitment) throws { try commitment.verifySecret() }

    func result(
        _ release: OrderRelease, of commitment: OrderCommitment, request: () throws -> OrderFields?
    ) throws -> PluginResult {
        PluginResult(data: try release.scalar("secret", of: commitment), fields: [("result", "secret")])
    }
}
