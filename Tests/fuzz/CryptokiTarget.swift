import DTABytes

@testable import DTACryptoki

/// Frames of p11-kit's RPC for the token of one client, which has keys of each kind and an agent that refuses nothing.
enum CryptokiTarget: FuzzTarget {
    static func run(_ bytes: [UInt8]) {
        let token = Cryptoki(agent: WillingAgent(), clock: { 0 }, showsAll: true)
        token.isInitialized = true
        var rest = bytes[...]
        while let header = try? RPCFrame.Header(Array(rest.prefix(RPCFrame.headerLength))) {
            rest = rest.dropFirst(RPCFrame.headerLength).dropFirst(header.optionsLength)
            guard header.messageLength <= min(rest.count, RPCFrame.messageLimit) else { return }
            var message = Array(rest.prefix(header.messageLength))
            rest = rest.dropFirst(header.messageLength)
            let reply = token.answer(&message)
            check(reply.message, to: message)
            claim(token.sessions.count <= Cryptoki.sessionLimit, "sessions are bounded")
            claim(token.derived.count <= DerivedSecret.limit, "secrets of sessions are bounded")
            if reply.isLast { return }
        }
    }

    private static func check(_ answer: [UInt8], to request: [UInt8]) {
        var reader = RPCReader(answer)
        guard let number = try? reader.number32(), let signature = try? reader.string() else {
            return claim(false, "an answer has a number and a signature")
        }
        if number == RPCCall.error {
            claim(signature.elementsEqual("u".utf8), "an error is a number")
            claim((try? reader.number()) != 0, "an error is not CKR_OK")
            claim((try? reader.end()) != nil, "an error is nothing else")
        } else {
            let call = RPCCall(rawValue: number)
            claim(call.map { signature.elementsEqual($0.response.utf8) } == true, "an answer has its call's signature")
            claim(call?.carriesPIN == true || UInt32(bigEndianBytes: request.prefix(4)) == number, "it is its call's")
        }
    }
}

/// What the fuzzer's token asks.
private final class WillingAgent: TokenAgent {
    private var known: [TokenKey] = []

    init() {
        let point: [UInt8] = [4] + [UInt8](repeating: 7, count: 64)
        let edwards = [UInt8](repeating: 9, count: 32)
        known = [
            TokenKey(name: "ec", owner: nil, created: 1, kind: .ec(.p256, point: point), publicKeyInfo: [1]),
            TokenKey(name: "ed", owner: "other", created: 1, kind: .ed25519(edwards), publicKeyInfo: [2], id: [1]),
            TokenKey(
                name: "rsa", owner: nil, created: 1, kind: .rsa(modulus: [0x80] + [UInt8](repeating: 5, count: 255)),
                publicKeyInfo: [3]),
            TokenKey(
                name: "ecdh", owner: nil, created: 1, kind: .ec(.p256, point: point), publicKeyInfo: [4],
                uses: [.derive, .manage], isForAgreement: true),
            TokenKey(name: "aes", owner: nil, created: 1, kind: .aes, publicKeyInfo: []),
            TokenKey(name: "mac", owner: nil, created: 1, kind: .hmac, publicKeyInfo: []),
        ]
    }

    func isPresent() -> Bool { true }
    func becomesPresent() -> Bool { true }
    func keys() throws(CryptokiError) -> [TokenKey] { known }
    func sign(_ key: TokenKey, _ data: [UInt8], isDigest: Bool) throws(CryptokiError) -> [UInt8] {
        [UInt8](repeating: 1, count: 64)
    }
    func sign(_ key: TokenKey, digest: [UInt8], by scheme: RSAScheme) throws(CryptokiError) -> [UInt8] {
        claim(digest.count == scheme.hash.length, "a digest has the length of its hash")
        return [UInt8](repeating: 1, count: 256)
    }
    func decrypt(_ key: TokenKey, _ ciphertext: [UInt8], associated: [UInt8]) throws(CryptokiError) -> [UInt8] {
        claim(
            key.kind == .aes ? ciphertext.count >= 28 : ciphertext.count == 256,
            "a ciphertext is as long as the modulus, or has a nonce and a tag")
        return [UInt8](repeating: 4, count: 16)
    }
    func agree(_ key: TokenKey, peer: [UInt8]) throws(CryptokiError) -> [UInt8] {
        claim(key.isForAgreement && peer.count == 65, "only a key for ECDH agrees, with a point of its curve's length")
        return [UInt8](repeating: 6, count: 32)
    }
    func verify(_ key: TokenKey, digest: [UInt8], signature: [UInt8]) throws(CryptokiError) -> Bool { true }
    func mac(_ key: TokenKey, _ message: [UInt8]) throws(CryptokiError) -> [UInt8] { [UInt8](repeating: 2, count: 32) }
    func create(_ name: String, _ new: NewKey, id: [UInt8]?) throws(CryptokiError) {
        guard known.count < 20, !known.contains(where: { $0.name == name }) else { return }
        known.append(TokenKey(name: name, owner: nil, created: 2, kind: .hmac, publicKeyInfo: [], id: id))
    }
    func destroy(_ key: TokenKey) throws(CryptokiError) { known.removeAll { $0 == key } }
    func identify(_ key: TokenKey, id: [UInt8]) throws(CryptokiError) {}
    func add(_ certificate: Certificate, to key: TokenKey) throws(CryptokiError) {}
    func remove(_ certificate: Certificate, from key: TokenKey) throws(CryptokiError) {}
    func random(_ count: Int) throws(CryptokiError) -> [UInt8] { [UInt8](repeating: 3, count: count) }
}
