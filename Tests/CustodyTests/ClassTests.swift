import CustodyProtocol
import DTAFormats
import DTASystem
import Foundation
import TestSupport
import Testing

@Suite("What the classes of objects allow", .ownThread)
struct ClassTests {
    let token: TestToken
    let custody: CustodyConnection
    let owner = ObjectOwner(uid: 1000)

    init() throws {
        token = try TestToken()
        custody = try HSMProcess(token).connect()
    }

    /// An object of `objectClass` with a matching kind of key, made by another program that knows the PIN where dtad-hsm
    /// has no operation that makes one.
    private func make(_ objectClass: ObjectClass) throws -> ObjectID {
        let id = ObjectID.random()
        switch objectClass {
        case .user: _ = try custody.ask(GenerateKey(type: .p256, owner: owner, id: id))
        case .identitySigning: _ = try custody.ask(CreateIdentity(owner: owner, signing: id, kem: .random()))
        case .identityKEM: _ = try custody.ask(CreateIdentity(owner: owner, signing: .random(), kem: id))
        case .order, .seal, .state, .epoch, .importing:
            try plant("dta/\(objectClass.name)/1000/\(hex(id.bytes))", id: id)
        }
        return id
    }

    private func plant(_ label: String, id: ObjectID, type: [String] = ["--keygen", "--key-type", "AES:32"]) throws {
        let made = try token.pkcs11Tool(type + ["--sensitive", "--label", label, "--id", hex(id.bytes)])
        #expect(made.status == 0, "\(made.errors)")
    }

    @Test(
        "dtad-hsm itself refuses every operation that an object's class does not allow", arguments: ObjectClass.allCases
    )
    func refusals(objectClass: ObjectClass) throws {
        let id = try make(objectClass)
        let digest = [UInt8](repeating: 1, count: 32)
        let operations: [(allowed: ObjectClass, name: String, body: () throws -> Void)] = [
            (.user, "sign", { _ = try custody.ask(Sign(id: id, input: digest)) }),
            (.user, "mac", { _ = try custody.ask(MakeMAC(id: id, input: digest)) }),
            (.user, "encrypt", { _ = try custody.ask(Encrypt(id: id, plaintext: digest, associatedData: [])) }),
            (.user, "decrypt", { _ = try custody.ask(Decrypt(id: id, ciphertext: digest, associatedData: [])) }),
            (.user, "agree", { _ = try custody.ask(Agree(id: id, peer: [4] + digest + digest)) }),
            (.user, "publicKey", { _ = try custody.ask(ReadPublicKey(id: id)) }),
            (
                .identitySigning, "signDocument",
                { _ = try custody.ask(SignDocument(id: id, context: SignedBytes.identity, hash: digest)) }
            ),
            (.identitySigning, "createPostQuantumKey", { _ = try custody.ask(CreatePostQuantumKey(signing: id)) }),
            (
                .identitySigning, "signPostQuantum",
                {
                    let key = PostQuantumKey(
                        publicKey: [UInt8](repeating: 0, count: PostQuantumKey.publicKeySize),
                        sealedSeed: [UInt8](repeating: 0, count: 65))
                    _ = try custody.ask(
                        SignPostQuantum(signing: id, key: key, context: SignedBytes.identity, hash: digest))
                }
            ),
            (
                .identityKEM, "openKey",
                {
                    let key = RecipientKey(
                        kem: id, owner: owner, publicKEM: [UInt8](repeating: 0, count: 1216),
                        sealedSeed: [UInt8](repeating: 0, count: 97), cid: CID(hashing: [], codec: .dagCBOR))
                    let wrap = try Envelope.Wrap(
                        enc: [UInt8](repeating: 0, count: 1120), key: [UInt8](repeating: 0, count: 48))
                    _ = try custody.ask(OpenKey(recipient: key, coreHash: digest, wrap: wrap))
                }
            ),
        ]
        for operation in operations where operation.allowed != objectClass {
            #expect(throws: DTAError.self, "\(operation.name)") { try operation.body() }
            do {
                try operation.body()
            } catch {
                #expect(DTAError(error).code == .permissionDenied, "\(operation.name): \(error)")
            }
        }
        for claimed in ObjectClass.allCases where claimed != objectClass {
            expect(.permissionDenied) { try custody.ask(DeleteObject(objectClass: claimed, id: id)) }
        }
        if !objectClass.isTheFronts {
            expect(.permissionDenied) { try custody.ask(DeleteObject(objectClass: objectClass, id: id)) }
        }
        #expect(!custody.isBroken)
    }

    @Test("sealing keys are neither listed nor deleted")
    func sealingKeys() throws {
        for objectClass in ObjectClass.allCases where !objectClass.isTheFronts {
            expect(.permissionDenied) { try custody.ask(ListObjects(objectClass: objectClass)) }
            expect(.permissionDenied) { try custody.ask(DeleteObject(objectClass: objectClass, id: .random())) }
        }
    }

    @Test("a second object with the same id makes both unusable")
    func twice() throws {
        let id = try make(.user)
        let digest = [UInt8](repeating: 1, count: 32)
        #expect(try custody.ask(Sign(id: id, input: digest)).count == 64)
        try plant("dta/user/1000/\(hex(id.bytes))", id: id)
        try custody.ask(ForgetObject(id: id))
        expect(.permissionDenied) { try custody.ask(Sign(id: id, input: digest)) }
        expect(.permissionDenied) { try custody.ask(DeleteObject(objectClass: .user, id: id)) }
    }

    @Test(
        "a label that dtad-hsm would not write makes an object unusable",
        arguments: [
            "", "x", "dta", "dta/user/1000", "dta/user/1000/00", "dta/user/01000/ID", "dta/user/-1/ID", "dta/user/x/ID",
            "dta/user/4294967296/ID", "dta/root/1000/ID", "dta/user/1000/ID/", "dta/user/1000/ID ", "DTA/user/1000/ID",
            "dta/user/1000/00000000000000000000000000000000", "dta/seal/2", "dta/user//ID",
        ])
    func labels(pattern: String) throws {
        let id = ObjectID.random()
        try plant(pattern.replacingOccurrences(of: "ID", with: hex(id.bytes)), id: id)
        expect(.permissionDenied) { try custody.ask(Encrypt(id: id, plaintext: [1], associatedData: [])) }
        expect(.permissionDenied) { try custody.ask(DeleteObject(objectClass: .user, id: id)) }
        #expect(try custody.ask(ListObjects(objectClass: .user)).allSatisfy { $0.id != id })
    }

    @Test("a key of a rightly labelled object is not used when its secret can be read")
    func extractable() throws {
        let id = ObjectID.random()
        try plant(
            "dta/user/1000/\(hex(id.bytes))", id: id, type: ["--keygen", "--key-type", "AES:32", "--extractable"])
        expect(.permissionDenied) { try custody.ask(Encrypt(id: id, plaintext: [1], associatedData: [])) }
    }
}
