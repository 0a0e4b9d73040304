import CPKCS11
import DTABytes

/// The token of one client: answers the calls that p11-kit sends for it.
///
/// Each call is read completely before anything is done. It asks the agent only for what needs the HSM, and for the list of
/// keys. A client's sessions, operations and what they keep are bounded.
public final class Cryptoki {
    let agent: any TokenAgent
    /// The time in nanoseconds, from any beginning.
    let clock: () -> UInt64
    /// Whether keys are shown that no release of p11-kit can use.
    let showsAll: Bool
    var isInitialized = false
    var isLoggedIn = false
    var objects = ObjectTable()
    /// What was agreed on in sessions, by handle.
    var derived: [UInt: DerivedSecret] = [:]
    /// When the agent last said which keys there are; nil: that must be asked.
    var listed: UInt64?
    var sessions: [UInt: Session] = [:]
    var lastSession: UInt = 0

    /// Sessions that a client can have open.
    public static let sessionLimit = 1024
    /// Bytes that all sessions of a client keep of what is to be signed or decrypted.
    static let inputLimit = 4 << 20
    /// The only slot.
    static let slot: UInt = 1

    /// - Parameter agent: what has the keys.
    /// - Parameter clock: monotonic time in nanoseconds.
    /// - Parameter showsAll: whether keys are shown that no release of p11-kit can use: it writes no EdDSA. OpenSSL's
    ///   engine (libp11 0.4.12) gives up at the first key of a kind that it does not know.
    public init(agent: any TokenAgent, clock: @escaping () -> UInt64, showsAll: Bool) {
        self.agent = agent
        self.clock = clock
        self.showsAll = showsAll
    }

    /// An answer, and whether it is the client's last one.
    public struct Reply {
        public let message: [UInt8]
        public let isLast: Bool
    }

    /// Answers a request. A PIN in it is overwritten.
    /// - Parameter request: a message as it came, without its frame.
    public func answer(_ request: inout [UInt8]) -> Reply {
        do {
            let call = try Cryptoki.call(of: request)
            defer { if call.carriesPIN { wipe(&request) } }
            let message = try answer(call, request)
            return Reply(message: message, isLast: call == .finalize)
        } catch {
            return Reply(message: RPCWriter(error: error).bytes, isLast: false)
        }
    }

    /// The answer to a message that was too long to be kept.
    public static let tooLong = RPCWriter(error: CryptokiError(CKR_DATA_LEN_RANGE)).bytes

    private static func call(of request: [UInt8]) throws(CryptokiError) -> RPCCall {
        guard request.count >= 4, let call = RPCCall(rawValue: UInt32(bigEndianBytes: request[..<4])) else {
            throw .malformed
        }
        return call
    }

    private func answer(_ call: RPCCall, _ request: [UInt8]) throws(CryptokiError) -> [UInt8] {
        var reader = RPCReader(request)
        _ = try reader.number32()
        guard let signature = try reader.string(), signature.elementsEqual(call.request.utf8) else { throw .malformed }
        guard isInitialized || call == .initialize else { throw CryptokiError(CKR_CRYPTOKI_NOT_INITIALIZED) }
        var writer = RPCWriter(answering: call)
        try perform(call, &reader, &writer)
        return writer.bytes
    }

    private func perform(
        _ call: RPCCall, _ reader: inout RPCReader, _ writer: inout RPCWriter
    ) throws(CryptokiError) {
        switch call {
        case .initialize: try initialize(&reader)
        case .finalize: try finalize(&reader)
        case .getInfo: try getInfo(&reader, &writer)
        case .getSlotList: try getSlotList(&reader, &writer)
        case .getSlotInfo: try getSlotInfo(&reader, &writer)
        case .getTokenInfo: try getTokenInfo(&reader, &writer)
        case .getMechanismList: try getMechanismList(&reader, &writer)
        case .getMechanismInfo: try getMechanismInfo(&reader, &writer)
        case .waitForSlotEvent: try waitForSlotEvent(&reader)
        case .openSession: try openSession(&reader, &writer)
        case .closeSession: try closeSession(&reader)
        case .closeAllSessions: try closeAllSessions(&reader)
        case .getSessionInfo: try getSessionInfo(&reader, &writer)
        case .login: try login(&reader)
        case .loginUser: try loginUser(&reader)
        case .logout: try logout(&reader)
        case .initToken, .initToken2, .initPIN, .setPIN: try refuseAdministration(call, &reader)
        case .sessionCancel: try cancel(&reader)
        case .findObjectsInit: try findObjectsInit(&reader)
        case .findObjects: try findObjects(&reader, &writer)
        case .findObjectsFinal: try findObjectsFinal(&reader)
        case .getAttributeValue: try getAttributeValue(&reader, &writer)
        case .getObjectSize: try getObjectSize(&reader, &writer)
        case .createObject: try createObject(&reader, &writer)
        case .copyObject: try copyObject(&reader)
        case .setAttributeValue: try setAttributeValue(&reader)
        case .generateKeyPair: try generateKeyPair(&reader, &writer)
        case .generateKey: try generateKey(&reader, &writer)
        case .deriveKey: try deriveKey(&reader, &writer)
        case .destroyObject: try destroyObject(&reader)
        case .signInit: try signInit(&reader)
        case .sign: try sign(&reader, &writer)
        case .signUpdate: try signUpdate(&reader)
        case .signFinal: try signFinal(&reader, &writer)
        case .verifyInit: try verifyInit(&reader)
        case .verify: try verify(&reader)
        case .verifyUpdate: try verifyUpdate(&reader)
        case .verifyFinal: try verifyFinal(&reader)
        case .encryptInit: try encryptInit(&reader)
        case .encrypt: try encrypt(&reader, &writer)
        case .encryptUpdate: try encryptUpdate(&reader, &writer)
        case .encryptFinal: try encryptFinal(&reader, &writer)
        case .decryptInit: try decryptInit(&reader)
        case .decrypt: try decrypt(&reader, &writer)
        case .decryptUpdate: try decryptUpdate(&reader, &writer)
        case .decryptFinal: try decryptFinal(&reader, &writer)
        case .digestInit: try digestInit(&reader)
        case .digest: try digest(&reader, &writer)
        case .digestUpdate: try digestUpdate(&reader)
        case .digestFinal: try digestFinal(&reader, &writer)
        case .digestKey: throw CryptokiError(CKR_KEY_INDIGESTIBLE)
        case .generateRandom: try generateRandom(&reader, &writer)
        case .seedRandom: throw CryptokiError(CKR_RANDOM_SEED_NOT_SUPPORTED)
        default: throw CryptokiError(CKR_FUNCTION_NOT_SUPPORTED)
        }
    }

    // MARK: Beginning and end

    /// What p11-kit's client says first.
    public static let handshake = Array("PRIVATE-GNOME-KEYRING-PKCS11-PROTOCOL-V-1".utf8)

    private func initialize(_ reader: inout RPCReader) throws(CryptokiError) {
        let handshake = try reader.array()
        _ = try reader.byte()
        _ = try reader.array()
        try reader.end()
        guard handshake.elementsEqual(Cryptoki.handshake) else { throw CryptokiError(CKR_GENERAL_ERROR) }
        guard !isInitialized else { throw CryptokiError(CKR_CRYPTOKI_ALREADY_INITIALIZED) }
        isInitialized = true
    }

    private func finalize(_ reader: inout RPCReader) throws(CryptokiError) {
        try reader.end()
        isInitialized = false
        isLoggedIn = false
        sessions = [:]
        forget { _ in true }
    }
}
