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

    /// Keys that are listed at most: more than a user can have.
    private static let keyLimit = 100_000

    func keys() throws(CryptokiError) -> [TokenKey] {
        var keys: [TokenKey] = []
        var cursor = ""
        repeat {
            let page = try ask(.list(.keyList, count: 1000, cursor: cursor))
            keys += page.keys.compactMap(key)
            cursor = page.cursor
        } while !cursor.isEmpty && keys.count < AgentTokens.keyLimit
        return keys
    }

    private func key(_ key: AgentKey) -> TokenKey? {
        let kind: KeyKind? =
            switch key.type {
            case .hmacSha256: .hmac
            case .aes256: .aes
            default: KeyKind(publicKeyInfo: key.publicKey)
            }
        // A newer agent may have kinds of keys that this program does not know.
        guard let kind else { return nil }
        return TokenKey(
            name: key.name, owner: key.ownerUid == uid ? nil : key.owner, created: key.created, kind: kind,
            publicKeyInfo: [UInt8](key.publicKey))
    }

    func sign(_ key: TokenKey, _ data: [UInt8], isDigest: Bool) throws(CryptokiError) -> [UInt8] {
        [UInt8](try ask(.sign(key: key.name, message: data, prehashed: isDigest)).data)
    }

    func verify(_ key: TokenKey, digest: [UInt8], signature: [UInt8]) throws(CryptokiError) -> Bool {
        try ask(.verify(key: key.name, message: digest, signature: signature, prehashed: true)).valid
    }

    func mac(_ key: TokenKey, _ message: [UInt8]) throws(CryptokiError) -> [UInt8] {
        [UInt8](try ask(.mac(key: key.name, message: message)).data)
    }

    func create(_ name: String, _ new: NewKey) throws(CryptokiError) -> TokenKey {
        let type: AgentKeyType =
            switch new {
            case .ec(.p256): .p256
            case .ec(.p384): .p384
            case .ec(.secp256k1): .secp256K1
            case .ed25519: .ed25519
            case .hmac: .hmacSha256
            case .aes: .aes256
            }
        // Some tokens need many seconds to make a key.
        let answer = try askOnce(.createKey(name, type: type), timeout: .seconds(120))
        guard let made = answer.keys.first.flatMap(key) else { throw CryptokiError(CKR_DEVICE_ERROR) }
        return made
    }

    func destroy(_ key: TokenKey) throws(CryptokiError) {
        _ = try askOnce(.deleteKey(key.name), timeout: .seconds(120))
    }

    /// Asks for what must not be done twice.
    private func askOnce(_ request: AgentRequest, timeout: Duration) throws(CryptokiError) -> AgentResponse {
        do {
            return try client.call(request, timeout: timeout)
        } catch let error as DTAError {
            switch error.code {
            case .permissionDenied: throw CryptokiError(CKR_ACTION_PROHIBITED)
            // The name is taken.
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
    private func ask(_ request: AgentRequest) throws(CryptokiError) -> AgentResponse {
        let deadline = monotonicNanoseconds() &+ wait
        while true {
            do {
                let answer = try client.call(request)
                wasThere = true
                return answer
            } catch let error as AgentUnreachable {
                let mayComeBack = wasThere && error.errno != EACCES && error.errno != EPERM
                guard mayComeBack, monotonicNanoseconds() < deadline else {
                    throw CryptokiError(wasThere ? CKR_DEVICE_ERROR : CKR_TOKEN_NOT_PRESENT)
                }
            } catch let error as DTAError {
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
