import CustodyProtocol
import DTASystem
import Foundation
import TestSupport
import Testing

@testable import DTACustody

@Suite("The examination of a token", .ownThread)
struct ExaminationTests {
    let token: TestToken
    let module: TamperedModule

    init() throws {
        token = try TestToken()
        module = try TamperedModule(in: token.directory)
        try token.configure(["module": module.path])
    }

    /// What is wrong, by need.
    private func faults(_ custody: CustodyConnection) throws -> [TokenNeed: String] {
        try Dictionary(
            uniqueKeysWithValues: TokenNeed.allCases.compactMap { need in
                let fault = try custody.ask(Examine(need: need))
                return fault.isEmpty ? nil : (need, fault)
            })
    }

    /// The labels of all that is on the token.
    private func labels() throws -> [String] {
        let listing = try token.pkcs11Tool(["--list-objects"])
        #expect(listing.status == 0, "\(listing.errors)")
        return listing.text.split(separator: "\n").compactMap { line in
            line.contains("label:") ? line.split(separator: " ").last.map(String.init) : nil
        }.sorted()
    }

    @Test("a token that can do all is found well, and nothing is left on it")
    func well() throws {
        let before = try labels()
        let custody = try HSMProcess(token).connect()
        #expect(try faults(custody).isEmpty)
        #expect(try labels() == before && before == ["dta/seal/1", "dta/state/1"])
    }

    @Test(
        "an examination finds what a token lists and refuses, and says it with the mechanism",
        arguments: [
            (
                TamperedModule.Fault.refuseX25519, TokenNeed.agreement,
                "CKM_EC_EDWARDS_KEY_PAIR_GEN: CKR_CURVE_NOT_SUPPORTED"
            ),
            (.refuseEd25519, .signing, "CKM_EC_EDWARDS_KEY_PAIR_GEN: CKR_CURVE_NOT_SUPPORTED"),
            (.refuseP384, .p384, "what p384 keys need: C_GenerateKeyPair by CKM_EC_KEY_PAIR_GEN"),
            (.refuseSecp256k1, .secp256k1, "CKM_EC_KEY_PAIR_GEN: CKR_CURVE_NOT_SUPPORTED"),
            (.hideEdwards, .agreement, "it lacks CKM_EC_MONTGOMERY_KEY_PAIR_GEN"),
            (.hideEdDSA, .ed25519, "it lacks CKM_EDDSA"),
            (.failDerive, .agreement, "C_DeriveKey by CKM_ECDH1_DERIVE"),
            (.extractable, .aes256, "otherwise than it was told (CKA_EXTRACTABLE)"),
            (.extractable, .signing, "otherwise than it was told (CKA_EXTRACTABLE)"),
            (.forgiveTag, .sealing, "does not look at the tag"),
            (.lieAboutEd25519, .signing, "whose signature its public half does not verify"),
            (.shortPoint, .agreement, "an unknown form: "),
        ])
    func refused(fault: TamperedModule.Fault, need: TokenNeed, words: String) throws {
        let custody = try HSMProcess(token).connect()
        try module.set(fault)
        let fresh = try HSMProcess(token).connect()
        let found = try #require(try faults(fresh)[need])
        #expect(found.contains(words), "\(found)")
        module.clear(fault)
        #expect(try labels() == ["dta/seal/1", "dta/state/1"])
        #expect(try faults(custody).isEmpty)
    }

    @Test("a token whose random bytes repeat themselves is found")
    func dice() throws {
        let custody = try HSMProcess(token).connect()
        try module.set(.noDice)
        #expect(try custody.ask(Examine(need: .random)).contains("repeat themselves"))
        module.clear(.noDice)
        #expect(try custody.ask(Examine(need: .random)).isEmpty)
    }

    @Test("the keys that a crash leaves of an examination are destroyed by the next one, and users' keys stay")
    func crash() throws {
        let custody = try HSMProcess(token).connect()
        let (owner, id) = (ObjectOwner(uid: 1000), ObjectID.random())
        _ = try custody.ask(GenerateKey(type: .p256, owner: owner, id: id))
        try module.set(.dieAfterPair)
        let victim = try HSMProcess(token)
        let dying = try victim.connect()
        expect(.unavailable) { try dying.ask(Examine(need: .p384)) }
        #expect(victim.process.wait() == 77)
        module.clear(.dieAfterPair)
        #expect(try labels().contains { $0.hasPrefix("dta/trial/") })
        // Until then it is nobody's, and no operation takes it.
        #expect(try custody.ask(ListObjects(objectClass: .user)).map(\.id) == [id])
        #expect(try faults(custody).isEmpty)
        #expect(try !labels().contains { $0.hasPrefix("dta/trial/") })
        #expect(try custody.ask(Sign(id: id, input: [UInt8](repeating: 1, count: 32))).count == 64)
    }

    @Test("a token without AES-GCM, or one that refuses it, is unfit and not away", arguments: [true, false])
    func withoutGCM(isListed: Bool) throws {
        try module.set(isListed ? .refuseGCM : .hideGCM)
        let hsm = try HSMProcess(token)
        do {
            _ = try hsm.connect()
            Issue.record("dtad-hsm serves")
        } catch let error as CustodyStartError {
            #expect(error.exit == .tokenUnfit)
            #expect(error.reason.code == .failedPrecondition)
            #expect(error.reason.message.contains("CKM_AES_GCM"), "\(error.reason.message)")
            #expect(!error.reason.message.contains("away"))
        }
        #expect(hsm.process.wait() == Int32(CustodyExit.tokenUnfit.rawValue))
    }

    @Test("an examination on a token that goes away says that, and not that it is unfit")
    func away() throws {
        let custody = try HSMProcess(token).connect()
        rename(token.tokens, token.directory.file("aside"))
        expect(.unavailable) { try custody.ask(Examine(need: .signing)) }
        #expect(custody.exit == .tokenAway)
    }

    @Test("a key type that the token refuses is refused at once by its mechanism, and the process goes on")
    func refusedAtUse() throws {
        let custody = try HSMProcess(token).connect()
        try module.set(.refuseP384)
        let logins = module.logins
        do {
            _ = try custody.ask(GenerateKey(type: .p384, owner: ObjectOwner(uid: 1000), id: .random()))
            Issue.record("a key was made")
        } catch {
            let reason = DTAError(error)
            #expect(reason.code == .failedPrecondition)
            #expect(reason.message.contains("refuses what p384 keys need"))
            #expect(reason.message.contains("CKM_EC_KEY_PAIR_GEN: CKR_CURVE_NOT_SUPPORTED"), "\(reason.message)")
        }
        #expect(!custody.isBroken && module.logins == logins)
        #expect(try custody.ask(GenerateKey(type: .p256, owner: ObjectOwner(uid: 1000), id: .random())).count == 65)
    }

    @Test(
        "a key whose public half is not its own is not made",
        arguments: [TamperedModule.Fault.lieAboutEd25519, .shortPoint])
    func lyingPoint(fault: TamperedModule.Fault) throws {
        let custody = try HSMProcess(token).connect()
        let owner = ObjectOwner(uid: 1000)
        try module.set(fault)
        do {
            _ = try custody.ask(GenerateKey(type: .ed25519, owner: owner, id: .random()))
            Issue.record("a key was made")
        } catch {
            let reason = DTAError(error)
            #expect(reason.code == .failedPrecondition, "\(reason)")
            if fault == .shortPoint {
                #expect(reason.message.contains("33 bytes that begin with 0420"), "\(reason)")
                #expect(reason.hint.contains("32 bytes") && reason.hint.contains("34 bytes"))
            }
        }
        #expect(try custody.ask(ListObjects(objectClass: .user)).isEmpty)
        module.clear(fault)
        #expect(try custody.ask(GenerateKey(type: .ed25519, owner: owner, id: .random())).count == 32)
    }

    @Test("the table of mechanisms in operations.md is what dtad-hsm examines and uses")
    func table() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let page = try String(contentsOf: root.appending(path: "docs/operations.md"), encoding: .utf8)
        for need in TokenNeed.allCases {
            let row = "| \(need.mechanisms) | \(need.purpose) | \(need.isRequired ? "dtad" : "the type") |"
            #expect(page.contains(row), "\(row)")
        }
        // And the needs name what the kinds of keys are made and used with.
        let kinds: [(TokenNeed, KeyKind)] = [
            (.sealing, .aes256), (.signing, .ed25519), (.signing, .p256), (.ed25519, .ed25519), (.p256, .p256),
            (.p384, .p384), (.secp256k1, .secp256k1), (.hmacSHA256, .hmacSHA256), (.aes256, .aes256),
            (.rsa, .rsa2048), (.rsa, .rsa3072), (.rsa, .rsa4096), (.ecdh, .p256ECDH), (.ecdh, .p384ECDH),
        ]
        for (need, kind) in kinds {
            #expect(need.mechanisms.contains(name(of: kind.generation)), "\(need)")
            #expect(need.mechanisms.contains(name(of: kind.use)), "\(need)")
        }
        #expect(TokenNeed.agreement.mechanisms.contains(name(of: KeyKind.x25519.use)))
        #expect(TokenNeed.agreement.mechanisms.contains(name(of: KeyKind.x25519.generation)))
        #expect(TokenNeed.agreement.mechanisms.contains("CKM_EC_EDWARDS_KEY_PAIR_GEN"))
    }
}
