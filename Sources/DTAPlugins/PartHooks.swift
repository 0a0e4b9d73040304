import DTABytes
import DTAFormats

/// A plugin's hooks about the parts of its orders, on every host that has one of them. Each has a default, for plugins
/// that do not define it or are not known on a host.
///
/// No hook waits: external plugins are not asked, and some hooks are called in a transaction.
public protocol PartHooks: Sendable {
    /// Whether the key of an order stays on the fiduciary's token, and is used there. Only if the agent keeps the
    /// secret.
    var isUsedInPlace: Bool { get }

    /// Whether the principal deposits content, encrypted to the commitment, which the recipient gets.
    var takesDeposit: Bool { get }

    /// The field of part 1, and of part 2, that names the beneficiary's share of the key: a compressed point of
    /// secp256k1, which one order uses and no other. Nil: the key is the fiduciary's alone.
    var shareField: String? { get }

    /// Checks a commitment and its proof.
    /// - Throws: `FormatError`.
    func verify(_ commitment: OrderCommitment) throws

    /// The key whose private half is the sum of the fiduciary's part and of the beneficiary's share.
    /// - Throws: `FormatError` if there is none.
    func sharedKey(_ commitment: OrderCommitment) throws -> SharedKey

    /// The request of a redemption.
    /// - Parameters:
    ///   - fields: as the redeemer gave them, all of them text.
    ///   - data: the bytes that a use is about; empty: none were given.
    ///   - commitment: gives part 2, which has to be opened for that; nil: it is not here.
    /// - Throws: `DTAError`.
    func request(
        _ fields: [String: OrderFieldValue], data: [UInt8], commitment: () throws -> OrderCommitment?
    ) throws -> [String: OrderFieldValue]

    /// The released result for its recipient, after it was compared with the commitment.
    /// - Parameter request: gives the redemption's request; nil: it cannot be read here.
    /// - Throws: `FormatError` if it does not fit.
    func result(
        _ release: OrderRelease, of commitment: OrderCommitment, request: () throws -> OrderFields?
    ) throws -> PluginResult
}

/// A key that fiduciary and beneficiary have together.
public struct SharedKey: Sendable {
    public var sum: WalletSum
    /// Further fields about it.
    public var fields: [(String, String)]

    public init(sum: WalletSum, fields: [(String, String)] = []) {
        self.sum = sum
        self.fields = fields
    }
}

/// The recipient's result.
public struct PluginResult: Sendable {
    public var data: SecretReference
    public var fields: [(String, String)]

    public init(data: SecretReference, fields: [(String, String)] = []) {
        self.data = data
        self.fields = fields
    }
}

extension PartHooks {
    public var isUsedInPlace: Bool { false }
    public var takesDeposit: Bool { false }
    public var shareField: String? { nil }

    public func verify(_ commitment: OrderCommitment) throws {}

    public func sharedKey(_ commitment: OrderCommitment) throws -> SharedKey {
        throw FormatError(.malformed, "no identity has a share of this order's key")
    }

    /// Data is passed as the bytes to be signed: the plugin judges whether it takes them.
    public func request(
        _ fields: [String: OrderFieldValue], data: [UInt8], commitment: () throws -> OrderCommitment?
    ) throws -> [String: OrderFieldValue] {
        guard !data.isEmpty else { return fields }
        let algorithm = try commitment()?.fields[OrderKind.algorithm]?.text
        return fields.merging([OrderKind.signed(by: algorithm): .bytes(data)]) { _, data in data }
    }

    public func result(
        _ release: OrderRelease, of commitment: OrderCommitment, request: () throws -> OrderFields?
    ) throws -> PluginResult {
        // If dtad-hsm keeps the secret, it makes the commitment and the proof.
        if release.result[OrderKind.secret]?.bytes != nil, (try? commitment.verifySecret()) != nil {
            return PluginResult(
                data: try release.scalar(OrderKind.secret, of: commitment), fields: [("result", OrderKind.secret)])
        }
        // A plugin's own fields, which cannot be checked here. A single field is the result.
        var values = release.result.values
        var result = PluginResult(data: SecretReference(copying: []))
        if let name = values[OrderKind.secret] != nil ? OrderKind.secret : values.count == 1 ? values.keys.first : nil,
            let value = values.removeValue(forKey: name)
        {
            result.data = SecretReference(copying: value.bytes ?? Array(value.shown.utf8))
            result.fields.append(("result", name))
        }
        result.fields += values.sorted { $0.key < $1.key }.map { ($0.key, $0.value.shown) }
        result.fields.append(("checked", "no: only the plugin \(commitment.kind) knows whether it fits the commitment"))
        return result
    }
}

extension OrderKind {
    /// The field of a redemption with the bytes to be signed.
    fileprivate static func signed(by algorithm: String?) -> String { algorithm == "ed25519" ? message : digest }
}

extension OrderCommitment {
    /// Checks that its maker has the secret of its public key.
    /// - Throws: `FormatError`.
    public func verifySecret() throws {
        try CommitmentProof.verify(proof, key: Secp256k1PublicKey(publicKey), order: heading.order)
    }
}

extension OrderRelease {
    /// The released secret, whose public half is the committed key.
    /// - Throws: `FormatError`.
    public func scalar(_ field: String, of commitment: OrderCommitment) throws -> SecretReference {
        guard let bytes = result[field]?.bytes else {
            throw FormatError(.malformed, "the release has no \(field)")
        }
        guard try Secp256k1Scalar(bytes).publicKey.bytes == commitment.publicKey else {
            throw FormatError(.dataLoss, "what was released is not what the fiduciary committed itself to")
        }
        return SecretReference(copying: bytes)
    }
}
