import CPKCS11
import Testing

@testable import DTACryptoki

@Suite("PINs that clients send")
struct PINTests {
    /// An agent that is there and has nothing.
    private final class EmptyAgent: TokenAgent {
        func isPresent() -> Bool { true }
        func becomesPresent() -> Bool { true }
        func keys() throws(CryptokiError) -> [TokenKey] { [] }
        func sign(_ key: TokenKey, _ data: [UInt8], isDigest: Bool) throws(CryptokiError) -> [UInt8] { throw none }
        func sign(_ key: TokenKey, digest: [UInt8], by scheme: RSAScheme) throws(CryptokiError) -> [UInt8] {
            throw none
        }
        func decrypt(_ key: TokenKey, _ ciphertext: [UInt8], associated: [UInt8]) throws(CryptokiError) -> [UInt8] {
            throw none
        }
        func agree(_ key: TokenKey, peer: [UInt8]) throws(CryptokiError) -> [UInt8] { throw none }
        func verify(_ key: TokenKey, digest: [UInt8], signature: [UInt8]) throws(CryptokiError) -> Bool { throw none }
        func mac(_ key: TokenKey, _ message: [UInt8]) throws(CryptokiError) -> [UInt8] { throw none }
        func create(_ name: String, _ new: NewKey, id: [UInt8]?) throws(CryptokiError) { throw none }
        func destroy(_ key: TokenKey) throws(CryptokiError) { throw none }
        func identify(_ key: TokenKey, id: [UInt8]) throws(CryptokiError) { throw none }
        func add(_ certificate: Certificate, to key: TokenKey) throws(CryptokiError) { throw none }
        func remove(_ certificate: Certificate, from key: TokenKey) throws(CryptokiError) { throw none }
        func random(_ count: Int) throws(CryptokiError) -> [UInt8] { throw none }

        private var none: CryptokiError { CryptokiError(CKR_DEVICE_ERROR) }
    }

    private let token: Cryptoki
    private let session: UInt

    init() throws {
        token = Cryptoki(agent: EmptyAgent(), clock: { 0 }, showsAll: false)
        token.isInitialized = true
        var writer = RPCWriter(asking: .openSession)
        writer.number(1)
        writer.number(CKF_SERIAL_SESSION)
        var message = writer.bytes
        var reader = try RPCClient.values(of: token.answer(&message).message, .openSession)
        session = try reader.number()
    }

    @Test("a PIN is overwritten where it came, whether its call is done or refused or broken")
    func wiped() throws {
        let pin: [UInt8] = Array("a secret that somebody typed".utf8)
        let calls: [(RPCCall, (inout RPCWriter) -> Void)] = [
            (
                .login,
                {
                    $0.number(session)
                    $0.number(CKU_USER)
                    $0.array(pin)
                }
            ),
            (
                .login,
                {
                    $0.number(session)
                    $0.number(CKU_SO)
                    $0.array(pin)
                }
            ),
            (
                .setPIN,
                {
                    $0.number(session)
                    $0.array(pin)
                    $0.array(pin)
                }
            ),
            (
                .initToken,
                {
                    $0.number(1)
                    $0.array(pin)
                }
            ),
            (.loginUser, { $0.array(pin) }), (.initPIN, { $0.array(pin) }),
        ]
        for (call, values) in calls {
            var writer = RPCWriter(asking: call)
            values(&writer)
            var message = writer.bytes
            writer = RPCWriter(asking: .getInfo)
            #expect(message.count > pin.count)
            _ = token.answer(&message)
            #expect(message.allSatisfy { $0 == 0 }, "\(call)")
        }
        #expect(token.isLoggedIn)
    }
}
