import CPKCS11
import DTABytes

/// Agreeing on secrets: one request to the agent for each.
extension Cryptoki {
    func deriveKey(_ reader: inout RPCReader, _ writer: inout RPCWriter) throws(CryptokiError) {
        let session = try readSession(&reader)
        let mechanism = try reader.mechanism()
        let handle = try reader.number()
        let template = try reader.template()
        try reader.end()
        guard let mechanism else { throw CryptokiError(CKR_ARGUMENTS_BAD) }
        guard mechanism.type == CKM_ECDH1_DERIVE else { throw CryptokiError(CKR_MECHANISM_INVALID) }
        let object = try objects.key(handle)
        guard case .ec(let curve, _) = object.key.kind else { throw CryptokiError(CKR_KEY_TYPE_INCONSISTENT) }
        guard object.key.isForAgreement, object.objectClass == .privateKey else {
            throw CryptokiError(CKR_KEY_FUNCTION_NOT_PERMITTED)
        }
        let (derivation, peer) = try Cryptoki.parameter(mechanism, curve)
        let size = try DerivedSecret.size(template, derivation, shared: curve.coordinateLength)
        guard derived.count < DerivedSecret.limit else { throw CryptokiError(CKR_DEVICE_MEMORY) }
        var shared = try agent.agree(object.key, peer: peer)
        guard shared.count == curve.coordinateLength else { throw CryptokiError(CKR_DEVICE_ERROR) }
        let value: [UInt8]
        if let derivation {
            value = derivation.derive(from: shared, count: size)
            wipe(&shared)
        } else {
            value = shared
        }
        let new = objects.next()
        derived[new] = DerivedSecret(
            session: session, value: value, label: template.bytes(CKA_LABEL) ?? [], id: template.bytes(CKA_ID) ?? [])
        writer.number(new)
    }

    /// How keys are derived from the secret (nil: not at all), and the other side's point: bare, or as an OCTET STRING in
    /// DER (PKCS#11 2.40, 2.3.8).
    private static func parameter(
        _ mechanism: Mechanism, _ curve: Curve
    ) throws(CryptokiError) -> (derivation: X963?, peer: [UInt8]) {
        guard case .ecdh(let kdf, let shared, let point) = mechanism.parameter else {
            throw CryptokiError(CKR_MECHANISM_PARAM_INVALID)
        }
        let derivation = X963(kdf, shared)
        guard derivation != nil || (kdf == CKD_NULL && shared.isEmpty) else {
            throw CryptokiError(CKR_MECHANISM_PARAM_INVALID)
        }
        let length = 1 + 2 * curve.coordinateLength
        var bare = point
        if point.count != length {
            var element = DER(point)
            guard let content = element.next(DER.octetString), element.isAtEnd else {
                throw CryptokiError(CKR_MECHANISM_PARAM_INVALID)
            }
            bare = Array(content)
        }
        // The agent looks whether it is on the curve.
        guard bare.count == length, bare.first == 4 else { throw CryptokiError(CKR_MECHANISM_PARAM_INVALID) }
        return (derivation, bare)
    }

    /// Overwrites and drops what was agreed on.
    func forget(_ isDropped: ((key: UInt, value: DerivedSecret)) -> Bool) {
        for handle in derived.filter(isDropped).map(\.key) {
            wipe(&derived[handle, default: DerivedSecret(session: 0, value: [], label: [], id: [])].value)
            derived[handle] = nil
        }
    }
}
