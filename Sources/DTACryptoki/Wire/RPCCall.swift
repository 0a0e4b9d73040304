/// The calls of p11-kit's RPC: their numbers, and the signatures of their requests and answers (`rpc-message.h` of
/// p11-kit 0.26).
///
/// A signature has a letter for each value: `y` a byte, `u` a CK_ULONG, `v` a version, `s` a string of fixed length, `z` a
/// string, `M` a mechanism, `A` an attribute, `P` what a mechanism's parameter became. `a` before a letter is an array,
/// `f` the room that the caller has for one.
public enum RPCCall: UInt32, CaseIterable, Sendable {
    case initialize = 1
    case finalize, getInfo, getSlotList, getSlotInfo, getTokenInfo, getMechanismList, getMechanismInfo, initToken
    case openSession, closeSession, closeAllSessions, getSessionInfo, initPIN, setPIN, getOperationState
    case setOperationState, login, logout
    case createObject, copyObject, destroyObject, getObjectSize, getAttributeValue, setAttributeValue
    case findObjectsInit, findObjects, findObjectsFinal
    case encryptInit, encrypt, encryptUpdate, encryptFinal, decryptInit, decrypt, decryptUpdate, decryptFinal
    case digestInit, digest, digestUpdate, digestKey, digestFinal
    case signInit, sign, signUpdate, signFinal, signRecoverInit, signRecover
    case verifyInit, verify, verifyUpdate, verifyFinal, verifyRecoverInit, verifyRecover
    case digestEncryptUpdate, decryptDigestUpdate, signEncryptUpdate, decryptVerifyUpdate
    case generateKey, generateKeyPair, wrapKey, unwrapKey, deriveKey
    case seedRandom, generateRandom, waitForSlotEvent
    // PKCS#11 3.0
    case loginUser, sessionCancel
    case messageEncryptInit, encryptMessage, encryptMessageBegin, encryptMessageNext, messageEncryptFinal
    case messageDecryptInit, decryptMessage, decryptMessageBegin, decryptMessageNext, messageDecryptFinal
    case messageSignInit, signMessage, signMessageBegin, signMessageNext, messageSignFinal
    case messageVerifyInit, verifyMessage, verifyMessageBegin, verifyMessageNext, messageVerifyFinal
    case initToken2, deriveKey2

    /// The number of an answer that is an error: a CK_ULONG follows.
    static let error: UInt32 = 0
    static let errorSignature = "u"

    /// Whether a PIN is in the request.
    var carriesPIN: Bool {
        switch self {
        case .initToken, .initToken2, .initPIN, .setPIN, .login, .loginUser: true
        default: false
        }
    }

    /// The signature of a request.
    public var request: String {
        switch self {
        case .initialize: "ayyay"
        case .finalize, .getInfo: ""
        case .getSlotList: "yfu"
        case .getSlotInfo, .getTokenInfo, .closeSession, .closeAllSessions, .getSessionInfo, .logout, .findObjectsFinal,
            .waitForSlotEvent, .messageEncryptFinal, .messageDecryptFinal, .messageSignFinal, .messageVerifyFinal:
            "u"
        case .getMechanismList, .findObjects: "ufu"
        case .getMechanismInfo, .openSession, .destroyObject, .getObjectSize, .digestKey, .sessionCancel: "uu"
        case .initToken: "uayz"
        case .initToken2: "uays"
        case .initPIN, .digestUpdate, .signUpdate, .verifyUpdate, .verifyFinal, .seedRandom, .signMessageBegin,
            .verifyMessageBegin:
            "uay"
        case .setPIN, .verify, .encryptMessageBegin, .decryptMessageBegin: "uayay"
        case .getOperationState, .encryptFinal, .decryptFinal, .digestFinal, .signFinal, .generateRandom: "ufy"
        case .setOperationState: "uayuu"
        case .login: "uuay"
        case .createObject, .findObjectsInit: "uaA"
        case .copyObject, .setAttributeValue: "uuaA"
        case .getAttributeValue: "uufA"
        case .encryptInit, .decryptInit, .signInit, .signRecoverInit, .verifyInit, .verifyRecoverInit,
            .messageEncryptInit, .messageDecryptInit, .messageSignInit, .messageVerifyInit:
            "uMu"
        case .encrypt, .encryptUpdate, .decrypt, .decryptUpdate, .digest, .sign, .signRecover, .verifyRecover,
            .digestEncryptUpdate, .decryptDigestUpdate, .signEncryptUpdate, .decryptVerifyUpdate:
            "uayfy"
        case .digestInit: "uM"
        case .generateKey: "uMaA"
        case .generateKeyPair: "uMaAaA"
        case .wrapKey: "uMuufy"
        case .unwrapKey: "uMuayaA"
        case .deriveKey, .deriveKey2: "uMuaA"
        case .loginUser: "uuayay"
        case .encryptMessage, .decryptMessage: "uayayayfy"
        case .encryptMessageNext, .decryptMessageNext: "uayayfyu"
        case .signMessage: "uayayfy"
        case .signMessageNext: "uayayyfy"
        case .verifyMessage, .verifyMessageNext: "uayayay"
        }
    }

    /// The signature of an answer that is no error.
    public var response: String {
        switch self {
        case .getInfo: "vsusv"
        case .getSlotList, .getMechanismList, .findObjects: "au"
        case .getSlotInfo: "ssuvv"
        case .getTokenInfo: "ssssuuuuuuuuuuuvvs"
        case .getMechanismInfo: "uuu"
        case .openSession, .createObject, .copyObject, .getObjectSize, .generateKey, .unwrapKey, .deriveKey,
            .waitForSlotEvent:
            "u"
        case .getSessionInfo: "uuuu"
        case .getAttributeValue: "aAu"
        case .generateKeyPair: "uu"
        case .deriveKey2: "uPu"
        case .getOperationState, .encrypt, .encryptUpdate, .encryptFinal, .decrypt, .decryptUpdate, .decryptFinal,
            .digest, .digestFinal, .sign, .signFinal, .signRecover, .verifyRecover, .digestEncryptUpdate,
            .decryptDigestUpdate, .signEncryptUpdate, .decryptVerifyUpdate, .wrapKey, .generateRandom, .encryptMessage,
            .encryptMessageNext, .decryptMessage, .decryptMessageNext, .signMessage, .signMessageNext:
            "ay"
        case .initialize, .finalize, .initToken, .initToken2, .closeSession, .closeAllSessions, .initPIN, .setPIN,
            .setOperationState, .login, .logout, .destroyObject, .setAttributeValue, .findObjectsInit,
            .findObjectsFinal, .encryptInit, .decryptInit, .digestInit, .digestUpdate, .digestKey, .signInit,
            .signUpdate, .signRecoverInit, .verifyInit, .verify, .verifyUpdate, .verifyFinal, .verifyRecoverInit,
            .seedRandom, .loginUser, .sessionCancel, .messageEncryptInit, .encryptMessageBegin, .messageEncryptFinal,
            .messageDecryptInit, .decryptMessageBegin, .messageDecryptFinal, .messageSignInit, .signMessageBegin,
            .messageSignFinal, .messageVerifyInit, .verifyMessage, .verifyMessageBegin, .verifyMessageNext,
            .messageVerifyFinal:
            ""
        }
    }
}
