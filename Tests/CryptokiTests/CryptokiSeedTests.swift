import CPKCS11
import DTABytes
import Foundation
import Testing

@testable import DTACryptoki

/// The seeds for fuzzing dta-p11: `Tests/fuzz/corpus/cryptoki`.
@Suite("Seeds of p11-kit's RPC", .serialized)
struct CryptokiSeedTests {
    private static let folder = Repository.root.appending(path: "Tests/fuzz/corpus/cryptoki")

    /// `DTA_WRITE_VECTORS=1` writes them.
    init() throws {
        guard ProcessInfo.processInfo.environment["DTA_WRITE_VECTORS"] != nil else { return }
        try FileManager.default.createDirectory(at: Self.folder, withIntermediateDirectories: true)
        for (name, bytes) in Self.made() { try Data(bytes).write(to: Self.folder.appendingPathComponent(name)) }
    }

    private static func frame(_ call: RPCCall, _ body: (inout RPCWriter) -> Void = { _ in }) -> [UInt8] {
        var writer = RPCWriter(asking: call)
        body(&writer)
        return RPCFrame.encode(code: 16, message: writer.bytes)
    }

    private static func made() -> [(name: String, bytes: [UInt8])] {
        let open = frame(.openSession) {
            $0.number(1)
            $0.number(CKF_SERIAL_SESSION | CKF_RW_SESSION)
        }
        let find = frame(.findObjectsInit) {
            $0.number(1)
            $0.template([Attribute(CKA_CLASS, .number(CKO_PRIVATE_KEY)), Attribute(CKA_LABEL, .bytes([0x65, 0x63]))])
        }
        let found = frame(.findObjects) {
            $0.number(1)
            $0.number32(5)
        }
        let attributes = frame(.getAttributeValue) {
            $0.number(1)
            $0.number(1)
            $0.number32(2)
            for type in [CKA_ID, CKA_VALUE] {
                $0.number32(UInt32(type))
                $0.number32(100)
            }
        }
        let begin = frame(.signInit) {
            $0.number(1)
            $0.number32(UInt32(CKM_ECDSA))
            $0.string(nil)
            $0.number(1)
        }
        let sign = frame(.sign) {
            $0.number(1)
            $0.array([UInt8](repeating: 1, count: 32))
            $0.number32(64)
        }
        let make = frame(.generateKeyPair) {
            $0.number(1)
            $0.number32(UInt32(CKM_EC_KEY_PAIR_GEN))
            $0.string(nil)
            $0.template([Attribute(CKA_EC_PARAMS, .bytes(Curve.p256.parameters))])
            $0.template([Attribute(CKA_WRAP_TEMPLATE, .template), Attribute(CKA_ALLOWED_MECHANISMS, .numbers([1]))])
        }
        let login = frame(.login) {
            $0.number(1)
            $0.number(1)
            $0.array([0x31, 0x32])
        }
        let digest =
            frame(.digestInit) {
                $0.number(1)
                $0.number32(UInt32(CKM_SHA256))
                $0.string(nil)
            }
            + frame(.digest) {
                $0.number(1)
                $0.array([1, 2, 3])
                $0.number32(32)
            }
        let padded = frame(.signInit) {
            $0.number(1)
            $0.number32(UInt32(CKM_RSA_PKCS_PSS))
            for number in [UInt(0x250), 2, 32] { $0.number(number) }
            $0.number(1)
        }
        // The fuzzer's RSA key: its objects come after the private and the public one of the first key.
        let rsa: UInt = 3
        func start(_ call: RPCCall, _ mechanism: Mechanism, _ key: UInt) -> [UInt8] {
            frame(call) {
                $0.number(1)
                $0.mechanism(mechanism)
                $0.number(key)
            }
        }
        func finish(_ call: RPCCall, _ data: [UInt8]) -> [UInt8] {
            frame(call) {
                $0.number(1)
                $0.array(data)
                $0.number32(512)
            }
        }
        let info = RSAScheme.digestInfoPrefix(.sha256) + [UInt8](repeating: 7, count: 32)
        let pss = Mechanism(CKM_SHA256_RSA_PKCS_PSS, .pss(hash: CKM_SHA256, mask: CKG_MGF1_SHA256, salt: 32))
        let oaep = Mechanism(CKM_RSA_PKCS_OAEP, .oaep(hash: CKM_SHA256, mask: CKG_MGF1_SHA256, source: 1, label: [1]))
        let signed =
            start(.signInit, Mechanism(CKM_RSA_PKCS), rsa) + finish(.sign, info) + start(.signInit, pss, rsa)
            + finish(.sign, [1, 2])
        let decrypted =
            start(.decryptInit, oaep, rsa) + finish(.decryptUpdate, [UInt8](repeating: 1, count: 128))
            + finish(.decryptUpdate, [UInt8](repeating: 2, count: 128))
            + frame(.decryptFinal) {
                $0.number(1)
                $0.number32(64)
            }
        let encrypted = start(.encryptInit, oaep, rsa + 1) + finish(.encrypt, [1, 2, 3])
        let gcm = Mechanism(
            CKM_AES_GCM, .gcm(nonce: [UInt8](repeating: 1, count: 12), associated: [1], tagBits: 128))
        let ecdh = rsa + 2
        let derived =
            [
                Mechanism(
                    CKM_ECDH1_DERIVE, .ecdh(kdf: CKD_NULL, shared: [], point: [4] + [UInt8](repeating: 7, count: 64)))
            ]
            .flatMap { mechanism in
                frame(.deriveKey) {
                    $0.number(1)
                    $0.mechanism(mechanism)
                    $0.number(ecdh)
                    $0.template([
                        Attribute(CKA_CLASS, .number(CKO_SECRET_KEY)), Attribute(CKA_EXTRACTABLE, .flag(true)),
                    ])
                }
            }
        let opened = start(.decryptInit, gcm, rsa + 4) + finish(.decrypt, [UInt8](repeating: 1, count: 20))
        return [
            ("derive", open + find + derived), ("gcm", open + find + opened), ("rsa", open + find + signed),
            ("oaep", open + find + decrypted + encrypted),
            ("info", frame(.getInfo) + frame(.getTokenInfo) { $0.number(1) }), ("find", open + find + found),
            ("attributes", open + find + found + attributes), ("sign", open + find + begin + sign),
            ("make", open + make), ("login", open + login), ("digest", open + digest), ("pss", open + find + padded),
            ("cut", Array((open + find).dropLast(3))), ("long", [0, 0, 0, 1] + [UInt8](repeating: 0xff, count: 8)),
        ]
    }

    @Test("a seed is frames with calls, or is cut")
    func read() throws {
        var calls: Set<RPCCall> = []
        for name in try FileManager.default.contentsOfDirectory(atPath: Self.folder.path) {
            var rest = Array(try Data(contentsOf: Self.folder.appendingPathComponent(name)))[...]
            while let header = try? RPCFrame.Header(Array(rest.prefix(12))), header.messageLength <= rest.count - 12 {
                var reader = RPCReader(Array(rest.dropFirst(12).prefix(header.messageLength)))
                if let call = RPCCall(rawValue: try reader.number32()) { calls.insert(call) }
                rest = rest.dropFirst(12 + header.messageLength)
            }
        }
        #expect(
            calls.isSuperset(of: [
                .deriveKey, .decryptInit, .decryptFinal, .encrypt, .openSession, .findObjectsInit, .getAttributeValue,
                .sign,
                .generateKeyPair, .login,
            ]))
    }
}
