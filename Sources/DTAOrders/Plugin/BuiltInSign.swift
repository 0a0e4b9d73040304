import CustodyProtocol
import DTABytes
import DTACore
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
                    + Self.algorithms.map(\.name).joined(separator: ", "), helps: .giveField, about: Self.algorithm)
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

    var isUsedInPlace: Bool { true }

    /// The input to sign comes as data, or as text in a field: a digest in hexadecimal, a message as it is.
    func request(
        _ fields: [String: OrderFieldValue], data: [UInt8], commitment: () throws -> OrderCommitment?
    ) throws -> [String: OrderFieldValue] {
        let algorithm = try commitment()?.fields[Self.algorithm]?.text
        let name = algorithm == KeyType.ed25519.name ? Self.message : Self.digest
        return try fields.merging([name: .bytes(data)]) { given, _ in given }.reduce(into: [:]) { request, field in
            request[field.key] = try Self.bytes(field.value, field.key, data)
        }
    }

    private static func bytes(_ value: OrderFieldValue, _ name: String, _ data: [UInt8]) throws -> OrderFieldValue {
        guard case .text(let text) = value else { return value }
        guard data.isEmpty else {
            throw DTAError(
                .invalidArgument, "what is to be signed is given twice, as data and as \(quoted(name))")
        }
        guard name == digest else { return .bytes(Array(text.utf8)) }
        guard let digest = OrderFieldValue(text, as: .bytes) else {
            throw DTAError(
                .invalidArgument, "the field \(quoted(name)) is in hexadecimal, two digits for each byte")
        }
        return digest
    }

    static func publicKey(_ commitment: OrderCommitment) throws -> PublicKey {
        guard let key = commitment.fields[algorithm]?.text.flatMap(KeyType.init(name:))?.algorithm else {
            throw FormatError(.malformed, "the commitment names no algorithm of signatures")
        }
        return try PublicKey(key, raw: commitment.publicKey)
    }

    func verify(_ commitment: OrderCommitment) throws { _ = try Self.publicKey(commitment) }

    func result(
        _ release: OrderRelease, of commitment: OrderCommitment, request: () throws -> OrderFields?
    ) throws -> PluginResult {
        guard let signature = release.result["signature"]?.bytes else {
            throw FormatError(.malformed, "the release has no signature")
        }
        var result = PluginResult(data: SecretReference(copying: signature), fields: [("result", "signature")])
        guard let request = try request() else {
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
