import AgentProtocol
import CPKCS11
import DTACryptoki
import DTASystem
import Glibc

/// The agent as the token sees it: asked over its socket, as the user that runs the client.
final class AgentTokens: TokenAgent {
    private let client: BlockingAgentClient
    private let wait: UInt64
    private let uid = geteuid()
    /// Whether there was ever an agent. One that never was is not waited for.
    private var wasThere = false

    /// - Parameter wait: how long what may be asked again waits for an agent that is away.
    init(socket: String, wait: Duration) {
        client = BlockingAgentClient(socketPath: socket)
        self.wait = UInt64(wait.components.seconds) * 1_000_000_000
    }

    func isPresent() -> Bool {
        do {
            try client.connect(timeout: .zero)
            wasThere = true
            return true
        } catch {
            return false
        }
    }

    func becomesPresent() -> Bool {
        let deadline = monotonicNanoseconds() &+ wait
        while true {
            do {
                try client.connect(timeout: .zero)
                wasThere = true
                return true
            } catch let error as AgentUnreachable where mayBecomePresent(error) && monotonicNanoseconds() < deadline {
                usleep(20_000)
            } catch {
                return false
            }
        }
    }

    /// A user who may not connect waits in vain.
    private func mayBecomePresent(_ error: AgentUnreachable) -> Bool {
        wasThere || (error.errno != EACCES && error.errno != EPERM)
    }

    /// Keys that are listed at most: more than a user can have.
    private static let keyLimit = 100_000

    func keys() throws(CryptokiError) -> [TokenKey] {
        var keys: [TokenKey] = []
        var cursor = ""
        repeat {
            let page = try ask(.list(.keyViews, count: 1000, cursor: cursor))
            keys += page.keyViews.compactMap(key)
            cursor = page.cursor
        } while !cursor.isEmpty && keys.count < AgentTokens.keyLimit
        return keys
    }

    private func key(_ view: AgentKeyView) -> TokenKey? {
        let key = view.key
        let kind: KeyKind? =
            switch key.type {
            case .hmacSha256: .hmac
            case .aes256: .aes
            default: KeyKind(publicKeyInfo: key.publicKey)
            }
        // A newer agent may have kinds of keys that this program does not know.
        guard let kind else { return nil }
        let isForAgreement = key.type == .p256Ecdh || key.type == .p384Ecdh
        return TokenKey(
            name: key.name, owner: key.ownerUid == uid ? nil : key.owner, created: key.created, kind: kind,
            publicKeyInfo: [UInt8](key.publicKey), id: view.id.isEmpty ? nil : [UInt8](view.id),
            certificates: view.certificates.compactMap { Certificate([UInt8]($0)) },
            uses: TokenKey.Uses(view.allowed, kind, isForAgreement: isForAgreement), isImported: key.imported,
            isForAgreement: isForAgreement)
    }

    func sign(_ key: TokenKey, _ data: [UInt8], isDigest: Bool) throws(CryptokiError) -> [UInt8] {
        [UInt8](try ask(.sign(key: key.name, message: data, prehashed: isDigest)).data)
    }

    func sign(_ key: TokenKey, digest: [UInt8], by scheme: RSAScheme) throws(CryptokiError) -> [UInt8] {
        let named: AgentSignatureScheme
        switch (scheme.padding, scheme.hash) {
        case (.pkcs1, .sha256): named = .rsaPkcs1Sha256
        case (.pkcs1, .sha384): named = .rsaPkcs1Sha384
        case (.pkcs1, .sha512): named = .rsaPkcs1Sha512
        case (.pss, .sha256): named = .rsaPssSha256
        case (.pss, .sha384): named = .rsaPssSha384
        case (.pss, .sha512): named = .rsaPssSha512
        case (_, .sha1), (_, .sha224): throw CryptokiError(CKR_MECHANISM_PARAM_INVALID)
        }
        return [UInt8](try ask(.sign(key: key.name, message: digest, prehashed: true, scheme: named)).data)
    }

    func decrypt(_ key: TokenKey, _ ciphertext: [UInt8], associated: [UInt8]) throws(CryptokiError) -> [UInt8] {
        let request = AgentRequest.decrypt(key: key.name, sealed: ciphertext, aad: associated)
        // One answer for every fault of the ciphertext.
        return [UInt8](try ask(request, dataLoss: CKR_ENCRYPTED_DATA_INVALID).data)
    }

    func agree(_ key: TokenKey, peer: [UInt8]) throws(CryptokiError) -> [UInt8] {
        // The agent refuses what is no point of the curve.
        [UInt8](try ask(.agree(key: key.name, peer: peer), invalid: CKR_MECHANISM_PARAM_INVALID).data)
    }

    func verify(_ key: TokenKey, digest: [UInt8], signature: [UInt8]) throws(CryptokiError) -> Bool {
        try ask(.verify(key: key.name, message: digest, signature: signature, prehashed: true)).valid
    }

    func mac(_ key: TokenKey, _ message: [UInt8]) throws(CryptokiError) -> [UInt8] {
        [UInt8](try ask(.mac(key: key.name, message: message)).data)
    }

    func create(_ name: String, _ new: NewKey, id: [UInt8]?) throws(CryptokiError) {
        let type: AgentKeyType =
            switch new {
            case .ec(.p256): .p256
            case .ec(.p384): .p384
            case .ec(.secp256k1): .secp256K1
            case .agreement(.p384): .p384Ecdh
            case .agreement: .p256Ecdh
            case .ed25519: .ed25519
            case .rsa(bits: 4096): .rsa4096
            case .rsa: .rsa3072
            case .hmac: .hmacSha256
            case .aes: .aes256
            }
        try askOnce(.createKey(name, type: type))
        guard let id else { return }
        do {
            try askOnce(.identifyKey(name, id: id))
        } catch {
            // No key is better than one that its maker does not find.
            try? askOnce(.deleteKey(name))
            throw error
        }
    }

    func destroy(_ key: TokenKey) throws(CryptokiError) { try askOnce(.deleteKey(key.name)) }

    func identify(_ key: TokenKey, id: [UInt8]) throws(CryptokiError) { try askOnce(.identifyKey(key.name, id: id)) }

    func add(_ certificate: Certificate, to key: TokenKey) throws(CryptokiError) {
        try askOnce(.addCertificate(certificate.bytes, to: key.name))
    }

    func remove(_ certificate: Certificate, from key: TokenKey) throws(CryptokiError) {
        try askOnce(.removeCertificate(certificate.bytes, from: key.name))
    }

    /// Asks for what must not be done twice. Some tokens need many seconds to make a key.
    private func askOnce(_ request: AgentRequest) throws(CryptokiError) {
        do {
            _ = try client.call(request, timeout: .seconds(150))
        } catch let error as DTAError {
            switch error.code {
            case .permissionDenied: throw CryptokiError(CKR_ACTION_PROHIBITED)
            // The name or the id is taken.
            case .failedPrecondition: throw CryptokiError(CKR_ATTRIBUTE_VALUE_INVALID)
            case .invalidArgument: throw CryptokiError(CKR_ATTRIBUTE_VALUE_INVALID)
            default: throw CryptokiError(error.code)
            }
        } catch {
            throw CryptokiError(CKR_DEVICE_ERROR)
        }
    }

    func random(_ count: Int) throws(CryptokiError) -> [UInt8] {
        let bytes = [UInt8](try ask(.random(UInt32(count))).data)
        guard bytes.count == count else { throw CryptokiError(CKR_DEVICE_ERROR) }
        return bytes
    }

    /// Asks for what may be done twice. While the agent restarts, or its HSM is away, this waits and asks again.
    /// - Parameters: what the agent's DATA_LOSS and INVALID_ARGUMENT mean.
    private func ask(
        _ request: AgentRequest, dataLoss: UInt = CKR_DEVICE_ERROR, invalid: UInt = CKR_DATA_LEN_RANGE
    ) throws(CryptokiError) -> AgentResponse {
        let deadline = monotonicNanoseconds() &+ wait
        while true {
            do {
                let answer = try client.call(request)
                wasThere = true
                return answer
            } catch is AgentUnreachable {
                guard wasThere, monotonicNanoseconds() < deadline else {
                    throw CryptokiError(wasThere ? CKR_DEVICE_ERROR : CKR_TOKEN_NOT_PRESENT)
                }
            } catch let error as DTAError {
                guard error.code != .dataLoss else { throw CryptokiError(dataLoss) }
                guard error.code != .invalidArgument else { throw CryptokiError(invalid) }
                guard error.code == .unavailable, monotonicNanoseconds() < deadline else {
                    throw CryptokiError(error.code)
                }
            } catch {
                throw CryptokiError(CKR_DEVICE_ERROR)
            }
            usleep(20_000)
        }
    }
}

extension TokenKey.Uses {
    /// - Parameter allowed: as the agent names what the caller may do.
    fileprivate init(_ allowed: [String], _ kind: KeyKind, isForAgreement: Bool) {
        self = []
        let use =
            switch kind {
            case .hmac: "mac"
            case .aes: "encrypt"
            case .ec, .ed25519, .rsa: "sign"
            }
        if allowed.contains(use), !isForAgreement { insert(.sign) }
        if allowed.contains("derive"), isForAgreement { insert(.derive) }
        if allowed.contains("manage") { insert(.manage) }
        if allowed.contains("decrypt"), kind.decrypts { insert(.decrypt) }
    }
}

extension CryptokiError {
    /// What a client is told of the agent's refusals.
    fileprivate init(_ code: ErrorCode) {
        self =
            switch code {
            case .permissionDenied: CryptokiError(CKR_KEY_FUNCTION_NOT_PERMITTED)
            case .notFound: CryptokiError(CKR_KEY_HANDLE_INVALID)
            case .invalidArgument: CryptokiError(CKR_DATA_LEN_RANGE)
            case .resourceExhausted: CryptokiError(CKR_DEVICE_MEMORY)
            case .failedPrecondition: CryptokiError(CKR_FUNCTION_FAILED)
            case .unavailable, .dataLoss, .internal: CryptokiError(CKR_DEVICE_ERROR)
            }
    }
}
