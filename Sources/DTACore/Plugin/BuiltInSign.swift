import CustodyProtocol
import DTAFormats
import DTAPlugins
import DTASystem

/// `sign`: a key that never leaves the fiduciary's HSM; each redemption asks for one signature.
struct SignPlugin: BuiltInPlugin {
    static let algorithm = "algorithm"
    static let digest = "digest"
    static let message = "message"
    static let algorithms: [KeyType] = [.ed25519, .p256, .p384, .secp256k1]

    let type = BuiltInPlugins.type("sign")
    let summary = "a key that is used in place: each redemption is one signature"
    let fields = [
        PluginField(algorithm, .text, "ed25519, p256, p384 or secp256k1")
    ]

    private func key(_ fields: [String: OrderFieldValue]) throws -> KeyType {
        guard let key = fields[Self.algorithm]?.text.flatMap(KeyType.init(name:)), Self.algorithms.contains(key) else {
            throw DTAError(
                .invalidArgument,
                "an order of type sign names its algorithm: "
                    + Self.algorithms.map(\.name).joined(separator: ", "), hint: "--field algorithm=ed25519")
        }
        return key
    }

    func validate(_ order: PluginOrder) throws { _ = try key(order.fields) }

    func commit(_ order: PluginOrder) throws -> PluginCommitment? {
        PluginCommitment(fields: order.fields.filter { $0.key == Self.algorithm })
    }

    func prepare(_ order: PluginOrder, _ redemption: PluginRedemption) throws {
        let key = try key(order.fields)
        let asked = redemption.request
        guard let length = key.algorithm?.digestLength else {
            guard asked.count == 1, let message = asked[Self.message]?.bytes,
                message.count <= OrderRedemption.messageLimit
            else {
                throw DTAError(
                    .invalidArgument,
                    "a key of type \(key.name) signs a message of up to \(OrderRedemption.messageLimit) bytes")
            }
            return
        }
        guard asked.count == 1, let digest = asked[Self.digest]?.bytes, digest.count == length else {
            throw DTAError(.invalidArgument, "a key of type \(key.name) signs a digest of \(length) bytes")
        }
    }

    /// How a request for a signature is told to the plugin.
    static func request(_ data: [UInt8], algorithm: String?) -> [String: OrderFieldValue] {
        [algorithm == KeyType.ed25519.name ? message : digest: .bytes(data)]
    }

    static func publicKey(_ commitment: OrderCommitment) throws -> PublicKey {
        guard let key = commitment.fields[algorithm]?.text.flatMap(KeyType.init(name:))?.algorithm else {
            throw FormatError(.malformed, "the commitment names no algorithm of signatures")
        }
        return try PublicKey(key, raw: commitment.publicKey)
    }

    func verify(_ commitment: OrderCommitment) throws { _ = try Self.publicKey(commitment) }

    func result(_ release: OrderRelease, of commitment: OrderCommitment, request: OrderFields?) throws -> PluginResult {
        guard let signature = release.result["signature"]?.bytes else {
            throw FormatError(.malformed, "the release has no signature")
        }
        var result = PluginResult(data: signature, fields: [("result", "signature")])
        guard let request else {
            result.fields.append(("checked", "no: what was signed is not to be read here"))
            return result
        }
        let key = try Self.publicKey(commitment)
        let isValid =
            try request[Self.message]?.bytes.map { try key.isValid(signature: signature, message: $0) }
            ?? request[Self.digest]?.bytes.map { try key.isValid(signature: signature, digest: $0) } ?? false
        guard isValid else {
            throw FormatError(.dataLoss, "the signature is not one by the key that the fiduciary committed itself to")
        }
        return result
    }
}
