import CPKCS11
import Crypto
import DTABytes
import Testing

@testable import DTACryptoki

@Suite("The bytes of p11-kit's RPC")
struct CodecTests {
    @Test("values are read as they are written")
    func values() throws {
        var writer = RPCWriter(asking: .findObjectsInit)
        writer.number(7)
        writer.template([
            Attribute(CKA_CLASS, .number(3)), Attribute(CKA_TOKEN, .flag(true)), Attribute(CKA_LABEL, .bytes([1, 2])),
            Attribute(CKA_ID, .bytes([])), Attribute(CKA_ALLOWED_MECHANISMS, .numbers([1, .max])),
            Attribute(CKA_VALUE, nil),
        ])
        var reader = RPCReader(writer.bytes)
        #expect(try reader.number32() == RPCCall.findObjectsInit.rawValue)
        #expect(try reader.string()?.elementsEqual("uaA".utf8) == true)
        #expect(try reader.number() == 7)
        let template = try reader.template()
        #expect(
            template.map(\.value) == [
                .number(3), .flag(true), .bytes([1, 2]), .bytes([]), .numbers([1, .max]), nil,
            ])
        try reader.end()
    }

    @Test("a message that is cut anywhere is refused")
    func cut() throws {
        var writer = RPCWriter(asking: .signInit)
        writer.number(1)
        writer.number32(UInt32(CKM_RSA_PKCS_PSS))
        for number in [UInt(1), 2, 3] { writer.number(number) }
        writer.number(9)
        writer.template([Attribute(CKA_LABEL, .bytes([1, 2, 3])), Attribute(CKA_CLASS, .number(1))])
        writer.array([1, 2, 3])
        func read(_ bytes: [UInt8]) throws {
            var reader = RPCReader(bytes)
            _ = try reader.number32()
            _ = try reader.string()
            _ = try reader.number()
            _ = try reader.mechanism()
            _ = try reader.number()
            _ = try reader.template()
            _ = try reader.array()
            try reader.end()
        }
        try read(writer.bytes)
        for length in 0..<writer.bytes.count {
            #expect(throws: CryptokiError.self) { try read(Array(writer.bytes[..<length])) }
        }
        #expect(throws: CryptokiError.self) { try read(writer.bytes + [0]) }
    }

    @Test("templates inside of templates are skipped without recursion, and bounded in number")
    func nested() throws {
        /// `depth` templates, each inside of the one before.
        func template(_ depth: Int) -> [UInt8] {
            var writer = RPCWriter(asking: .finalize)
            let start = writer.bytes.count
            writer.number32(1)
            for _ in 0..<depth {
                writer.number32(UInt32(CKA_WRAP_TEMPLATE))
                writer.byte(1)
                writer.number32(24)
                writer.number32(1)
            }
            writer.number32(UInt32(CKA_TOKEN))
            writer.byte(1)
            writer.number32(1)
            writer.byte(1)
            return Array(writer.bytes[start...])
        }
        var reader = RPCReader(template(200))
        #expect(try reader.template() == [Attribute(CKA_WRAP_TEMPLATE, .template)])
        try reader.end()
        var deep = RPCReader(template(100_000))
        #expect(throws: CryptokiError(CKR_ARGUMENTS_BAD)) { _ = try deep.template() }
        // A count that nothing follows.
        var wide = RPCReader(
            [0, 0, 0, 1] + UInt32(CKA_WRAP_TEMPLATE).bigEndianBytes + [1, 0, 0, 0, 24] + [0xff, 0xff, 0xff, 0xff])
        #expect(throws: CryptokiError(CKR_ARGUMENTS_BAD)) { _ = try wide.template() }
    }

    @Test("a frame has a code, and lengths that are not taken for memory before they have come")
    func frames() throws {
        #expect(throws: CryptokiError.self) { _ = try RPCFrame.Header([UInt8](repeating: 0, count: 12)) }
        #expect(throws: CryptokiError.self) { _ = try RPCFrame.Header([1, 2, 3]) }
        let header = try RPCFrame.Header([0, 0, 0, 1] + [UInt8](repeating: 0xff, count: 8))
        #expect(header.optionsLength == 0xffff_ffff && header.messageLength == 0xffff_ffff)
        #expect(RPCFrame.encode(code: 5, message: [9]) == [0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 1, 9])
    }

    @Test("the calls have the numbers of p11-kit")
    func calls() {
        // rpc-message.h of p11-kit 0.26: positions in its table.
        let known: [(RPCCall, UInt32)] = [
            (.initialize, 1), (.openSession, 10), (.login, 18), (.getAttributeValue, 24), (.findObjects, 27),
            (.signInit, 42), (.verifyFinal, 51), (.generateKeyPair, 59), (.waitForSlotEvent, 65), (.loginUser, 66),
            (.messageVerifyFinal, 87), (.initToken2, 88), (.deriveKey2, 89),
        ]
        for (call, number) in known { #expect(call.rawValue == number, "\(call)") }
    }

    @Test("digests are those that swift-crypto makes")
    func digests() {
        for length in [0, 1, 55, 56, 63, 64, 65, 111, 112, 127, 128, 129, 1000] {
            let message = (0..<length).map { UInt8(truncatingIfNeeded: $0) }
            #expect(HashFunction.sha1.digest(message) == Array(Insecure.SHA1.hash(data: message)))
            #expect(HashFunction.sha256.digest(message) == Array(SHA256.hash(data: message)))
            #expect(HashFunction.sha384.digest(message) == Array(SHA384.hash(data: message)))
            #expect(HashFunction.sha512.digest(message) == Array(SHA512.hash(data: message)))
            var parts = RunningDigest(.sha384)
            for byte in message { parts.update([byte]) }
            #expect(parts.finish() == Array(SHA384.hash(data: message)))
        }
        // FIPS 180-4's example: "abc".
        #expect(Hexadecimal.encode(HashFunction.sha224.digest(Array("abc".utf8))).hasPrefix("23097d223405d8228642a477"))
    }

    @Test("signatures that swift-crypto makes are valid here, and changed ones are not")
    func signatures() throws {
        let message = Array("hello".utf8)
        let p256 = P256.Signing.PrivateKey()
        let p384 = P384.Signing.PrivateKey()
        let made: [(Curve, [UInt8], [UInt8], [UInt8])] = [
            (
                .p256, Array(p256.publicKey.x963Representation), Array(SHA256.hash(data: message)),
                Array(try p256.signature(for: message).rawRepresentation)
            ),
            (
                .p384, Array(p384.publicKey.x963Representation), Array(SHA384.hash(data: message)),
                Array(try p384.signature(for: message).rawRepresentation)
            ),
        ]
        for (curve, point, digest, signature) in made {
            #expect(SignatureCheck.ecdsa(curve, point: point, digest: digest, signature: signature))
            for place in [0, 31, signature.count - 1] {
                var other = signature
                other[place] ^= 1
                #expect(!SignatureCheck.ecdsa(curve, point: point, digest: digest, signature: other))
            }
            var elsewhere = point
            elsewhere[point.count - 1] ^= 1
            #expect(!SignatureCheck.ecdsa(curve, point: elsewhere, digest: digest, signature: signature))
            let zero = [UInt8](repeating: 0, count: signature.count)
            #expect(!SignatureCheck.ecdsa(curve, point: point, digest: digest, signature: zero))
            #expect(!SignatureCheck.ecdsa(curve, point: point, digest: digest, signature: []))
        }
        let edwards = Curve25519.Signing.PrivateKey()
        let key = Array(edwards.publicKey.rawRepresentation)
        var signature = Array(try edwards.signature(for: message))
        #expect(SignatureCheck.ed25519(key: key, message: message, signature: signature))
        signature[3] ^= 1
        #expect(!SignatureCheck.ed25519(key: key, message: message, signature: signature))
    }

    @Test("public halves are read, and nothing else is")
    func publicHalves() throws {
        let p256 = P256.Signing.PrivateKey().publicKey
        #expect(
            KeyKind(publicKeyInfo: Array(p256.derRepresentation))
                == .ec(.p256, point: Array(p256.x963Representation)))
        let whole = Array(p256.derRepresentation)
        for length in 0..<whole.count { #expect(KeyKind(publicKeyInfo: Array(whole[..<length])) == nil) }
        #expect(KeyKind(publicKeyInfo: whole + [0]) == nil)
        #expect(KeyKind(publicKeyInfo: [0x30, 0x84, 0xff, 0xff, 0xff, 0xff]) == nil)
    }

    @Test("a certificate that is cut or changed in its structure is none")
    func certificates() throws {
        func element(_ tag: UInt8, _ parts: [UInt8]...) -> [UInt8] { DER.encode(tag, parts.flatMap { $0 }) }
        let name = element(0x30)
        let info = Array(P256.Signing.PrivateKey().publicKey.derRepresentation)
        func whole(_ version: [UInt8], _ serial: [UInt8]) -> [UInt8] {
            element(
                0x30, element(0x30, version, serial, element(0x30), name, element(0x30), name, info), element(0x30),
                element(0x03, [0]))
        }
        let version = element(0xa0, [2, 1, 2])
        let certificate = whole(version, [2, 1, 7])
        let parsed = try #require(Certificate(certificate))
        #expect(parsed.serialNumber == [2, 1, 7] && parsed.publicKeyInfo == info && parsed.subject == name)
        #expect(Certificate(whole([], [2, 1, 7]))?.serialNumber == [2, 1, 7])
        #expect(Certificate(whole(version, [4, 1, 7])) == nil)
        #expect(Certificate(whole(version, [])) == nil)
        for length in 0..<certificate.count { #expect(Certificate(Array(certificate[..<length])) == nil) }
        #expect(Certificate(certificate + [0]) == nil)
    }

    @Test("lengths in DER have their shortest form")
    func lengths() {
        for count in [0, 1, 127, 128, 255, 256, 65_535, 65_536] {
            let content = [UInt8](repeating: 7, count: count)
            let element = DER.encode(DER.octetString, content)
            var der = DER(element)
            #expect(der.next(DER.octetString)?.count == count && der.isAtEnd)
        }
        var long = DER([0x04, 0x81, 0x01, 0x07])
        #expect(long.next() == nil)
        var padded = DER([0x04, 0x82, 0x00, 0x80] + [UInt8](repeating: 0, count: 128))
        #expect(padded.next() == nil)
    }
}
