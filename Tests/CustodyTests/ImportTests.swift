import Crypto
import CustodyProtocol
import DTABytes
import DTAFormats
import DTASystem
import Foundation
import TestSupport
import Testing

@Suite("Keys that are imported to a token", .ownThread)
struct ImportTests {
    let owner = ObjectOwner(uid: 1000)
    let id = ObjectID.random()
    let token: TestToken
    let custody: CustodyConnection
    let signer: PublicKey

    init() throws {
        token = try TestToken()
        let made = try run(
            try Binary.path("dtad-hsm"),
            ["--import-key", "--config", token.configuration, "--pin-file", token.directory.file("pin")])
        let lines = made.text.split(separator: "\n").dropFirst().dropLast()
        signer = try PublicKey(spkiDER: #require(Base64.decode(lines.joined())))
        custody = try HSMProcess(token).connect()
    }

    private func key(_ type: KeyType) throws -> TransportedKey {
        let kind = try #require(TransportedKey.Kind(rawValue: type.rawValue))
        switch type {
        case .ed25519: return try key(kind, Curve25519.Signing.PrivateKey().rawRepresentation)
        case .p256: return try key(kind, P256.Signing.PrivateKey().rawRepresentation)
        case .p384: return try key(kind, P384.Signing.PrivateKey().rawRepresentation)
        case .secp256k1, .hmacSHA256, .aes256: return try TransportedKey(kind, Secret.random(count: 32))
        case .p256ECDH, .p384ECDH: throw TestFailure("keys of type \(type.name) are not imported")
        case .rsa2048, .rsa3072, .rsa4096:
            let bits = type == .rsa2048 ? 2048 : 3072
            let made = try run(
                "/bin/sh",
                [
                    "-c",
                    "openssl genrsa -traditional \(bits) 2>/dev/null | openssl rsa -outform DER -traditional 2>/dev/null",
                ])
            var der = made.output
            let secret = Secret(taking: &der)
            let places = try secret.withBytes { try RSAPrivateNumbers.places($0) }
            let size = bits / 8
            let parts = [(places[0], size), (places[2], size), (places[3], size / 2), (places[4], size / 2)]
            let bytes = secret.withBytes { bytes in
                parts.flatMap { place, size in
                    [UInt8](repeating: 0, count: size - place.count) + place.map { bytes[$0] }
                }
            }
            return try TransportedKey(kind, Secret(copying: bytes.span))
        }
    }

    private func key(_ kind: TransportedKey.Kind, _ raw: Data) throws -> TransportedKey {
        try TransportedKey(kind, Secret(copying: Array(raw).span))
    }

    private func offer(
        _ type: KeyType, _ id: ObjectID, nonce: [UInt8] = [UInt8](repeating: 5, count: 32)
    ) throws -> (KeyWrapping, ImportOffer) {
        let kind = try #require(TransportedKey.Kind(rawValue: type.rawValue))
        let offer = try custody.ask(BeginImport(type: type, owner: owner, id: id, nonce: nonce))
        return (try KeyWrapping(kind, owner: owner.uid, object: id.bytes), offer)
    }

    @Test(
        "a key of each type is imported, works, is as hidden as others, and is marked",
        arguments: KeyType.allCases.filter { $0 != .rsa4096 && !$0.isECDH })
    func types(type: KeyType) throws {
        let key = try key(type)
        let (place, offer) = try offer(type, id)
        try place.verify(
            offer.signature, wrappingKey: offer.wrappingKey, nonce: [UInt8](repeating: 5, count: 32), by: signer)
        let wrapped = try place.wrap(key, to: offer.wrappingKey)
        let answer = try custody.ask(ImportKey(type: type, owner: owner, id: id, wrapped: wrapped))
        #expect(answer == key.publicKey?.raw ?? [])
        #expect(try custody.ask(AskOrigin(id: id)) == .imported)
        // Another process finds it, and by the token's own handle.
        try token.configure(["cache_session_objects": "false"])
        for custody in [custody, try HSMProcess(token).connect()] {
            let message = Array("a message".utf8)
            if type.isRSA {
                let digest = RSAScheme.pssSHA256.digest(of: message)
                let signature = try custody.ask(SignRSA(id: id, scheme: .pssSHA256, digest: digest))
                #expect(try key.publicKey?.isValid(signature: signature, digest: digest, scheme: .pssSHA256) == true)
            } else if let half = key.publicKey {
                let input = PublicKey.input(for: message, algorithm: half.algorithm)
                let signature = try custody.ask(Sign(id: id, input: input))
                #expect(try half.isValid(signature: signature, message: message))
            } else if type == .hmacSHA256 {
                let isValid = key.isValid(mac: try custody.ask(MakeMAC(id: id, input: message)), of: message)
                #expect(isValid)
            } else {
                let sealed = try custody.ask(Encrypt(id: id, plaintext: message, associatedData: []))
                let opens = key.opens(
                    nonce: Array(sealed.prefix(12)), sealed: Array(sealed.dropFirst(12)), to: message)
                #expect(opens)
            }
        }
        let kind = key.publicKey == nil ? "secrkey" : "privkey"
        let listing = try token.pkcs11Tool(["--list-objects", "--type", kind]).text.components(separatedBy: "\n")
        let start = try #require(listing.lastIndex { $0.contains("dta/user/1000/\(hex(id.bytes))") })
        let access = try #require(listing[start...].first { $0.contains("Access:") })
        #expect(access.contains("sensitive") && !access.contains("local"), "\(access)")
        #expect(!access.contains("extract") && !access.contains("always"), "\(access)")
        try custody.ask(DeleteObject(objectClass: .user, id: id))
        #expect(try custody.ask(ListObjects(objectClass: .user)).isEmpty)
    }

    @Test("a key that was made on the token says so")
    func made() throws {
        _ = try custody.ask(GenerateKey(type: .p256, owner: owner, id: id))
        #expect(try custody.ask(AskOrigin(id: id)) == .token)
        expect(.notFound) { try custody.ask(AskOrigin(id: .random())) }
    }

    @Test("an offer is used once, whatever comes of it, and by its type, owner and object only")
    func offers() throws {
        let key = try key(.p256)
        let (place, offer) = try offer(.p256, id)
        let wrapped = try place.wrap(key, to: offer.wrappingKey)
        func send(_ type: KeyType = .p256, _ owner: UInt32 = 1000, _ id: ObjectID? = nil) throws -> [UInt8] {
            try custody.ask(
                ImportKey(type: type, owner: ObjectOwner(uid: owner), id: id ?? self.id, wrapped: wrapped))
        }
        expect(.failedPrecondition) { try send(.secp256k1) }
        expect(.failedPrecondition) { try send(.p256, 1001) }
        expect(.failedPrecondition) { try send(.p256, 1000, .random()) }
        _ = try send()
        expect(.failedPrecondition) { try send() }
        // A second offer for the same object takes the place of the first.
        let other = ObjectID.random()
        let (_, first) = try self.offer(.p256, other)
        let (again, _) = try self.offer(.p256, other)
        let old = try again.wrap(key, to: first.wrappingKey)
        expect(.dataLoss) { try custody.ask(ImportKey(type: .p256, owner: owner, id: other, wrapped: old)) }
        expect(.failedPrecondition) { try custody.ask(ImportKey(type: .p256, owner: owner, id: other, wrapped: old)) }
        // An id that is taken, and one of orders' keys.
        let (taken, third) = try self.offer(.p256, id)
        let late = try taken.wrap(key, to: third.wrappingKey)
        expect(.failedPrecondition) { try custody.ask(ImportKey(type: .p256, owner: owner, id: id, wrapped: late)) }
        let order = try ObjectID(OrderKeyID.prefix + [UInt8](repeating: 0, count: 16 - OrderKeyID.prefix.count))
        expect(.permissionDenied) { try self.offer(.p256, order) }
        // Of many offers the oldest are dropped.
        let (lost, early) = try self.offer(.p256, .random())
        for _ in 0..<256 { _ = try self.offer(.p256, .random()) }
        let gone = try lost.wrap(key, to: early.wrappingKey)
        expect(.failedPrecondition) {
            try custody.ask(ImportKey(type: .p256, owner: owner, id: ObjectID(lost.object), wrapped: gone))
        }
        #expect(!custody.isBroken)
        #expect(try custody.ask(ListObjects(objectClass: .user)).count == 1)
    }

    @Test("what is wrapped wrongly, or is no key, is refused, and nothing is left on the token")
    func badKeys() throws {
        for size in [0, 1, 1119, 1136, 1137, 1168, KeyWrapping.wrappedLimit] {
            let id = ObjectID.random()
            _ = try offer(.p256, id)
            let garbage = [UInt8](repeating: 3, count: size)
            expect(.dataLoss) { try custody.ask(ImportKey(type: .p256, owner: owner, id: id, wrapped: garbage)) }
        }
        _ = try offer(.p256, id)
        let large = [UInt8](repeating: 3, count: KeyWrapping.wrappedLimit + 1)
        expect(.invalidArgument) { try custody.ask(ImportKey(type: .p256, owner: owner, id: id, wrapped: large)) }
        // A scalar out of range, wrapped as it should be.
        let bad = ObjectID.random()
        let (place, offered) = try offer(.aes256, bad)
        let secret = try TransportedKey(.aes256, Secret(copying: [UInt8](repeating: 0xff, count: 32).span))
        let wrapped = try place.wrap(secret, to: offered.wrappingKey)
        expect(.failedPrecondition) { try custody.ask(ImportKey(type: .p256, owner: owner, id: bad, wrapped: wrapped)) }
        #expect(try custody.ask(ListObjects(objectClass: .user)).isEmpty)
        #expect(!custody.isBroken)
    }

    @Test("a token that keeps an imported key readable, or keeps another one, has no such key afterwards")
    func badToken() throws {
        let module = try TamperedModule(in: token.directory)
        try token.configure(["module": module.path])
        let custody = try HSMProcess(token).connect()
        for fault in [TamperedModule.Fault.importExtractable, .importAnother] {
            try module.set(fault)
            let id = ObjectID.random()
            let offer = try custody.ask(
                BeginImport(type: .hmacSHA256, owner: owner, id: id, nonce: [UInt8](repeating: 5, count: 32)))
            let place = try KeyWrapping(.hmacSHA256, owner: owner.uid, object: id.bytes)
            let wrapped = try place.wrap(key(.hmacSHA256), to: offer.wrappingKey)
            expect(.failedPrecondition) {
                try custody.ask(ImportKey(type: .hmacSHA256, owner: owner, id: id, wrapped: wrapped))
            }
            module.clear(fault)
        }
        #expect(try custody.ask(ListObjects(objectClass: .user)).isEmpty)
    }

    @Test("without the token's key for imports nothing is offered, and the command that makes it keeps it")
    func signerKey() throws {
        let again = try run(
            try Binary.path("dtad-hsm"),
            ["--import-key", "--config", token.configuration, "--pin-file", token.directory.file("pin")])
        #expect(again.text == signer.pem)
        let fresh = try TestToken()
        let custody = try HSMProcess(fresh).connect()
        expect(.failedPrecondition) {
            try custody.ask(
                BeginImport(type: .p256, owner: owner, id: id, nonce: [UInt8](repeating: 5, count: 32)))
        }
        // Nobody else uses that key.
        let signing = try ObjectID(Array("dta/import-signs".utf8))
        expect(.permissionDenied) { try self.custody.ask(Sign(id: signing, input: [1])) }
        expect(.permissionDenied) { try self.custody.ask(DeleteObject(objectClass: .user, id: signing)) }
        expect(.permissionDenied) { try self.custody.ask(ListObjects(objectClass: .importing)) }
    }
}
