import CustodyProtocol
import DTASystem
import Foundation
import TestSupport
import Testing

@Suite("Which token it is", .ownThread)
struct TokenIdentityTests {
    let token: TestToken
    let owner = ObjectOwner(uid: 1000)
    let digest = [UInt8](repeating: 1, count: 32)

    init() throws { token = try TestToken() }

    private func refusal(expecting identity: TokenIdentity?) throws -> CustodyStartError {
        let hsm = try HSMProcess(token)
        do {
            _ = try hsm.connect(expecting: identity)
        } catch let error as CustodyStartError {
            #expect(hsm.process.wait() == error.exit.status)
            return error
        }
        throw TestFailure("dtad-hsm serves")
    }

    @Test("a token is known again by its serial number and its landmark, in every process and after each restart")
    func same() throws {
        let first = try HSMProcess(token).connect()
        #expect(first.token.serial == (try first.ask(DescribeToken()).serial))
        #expect(first.token.landmark.count == TokenIdentity.landmarkSize)
        for _ in 0..<2 {
            let again = try HSMProcess(token).connect(expecting: first.token)
            #expect(again.token == first.token)
            #expect(try again.ask(DrawRandom(count: 4)).count == 4)
        }
    }

    @Test("a copy of the token is the same token")
    func copy() throws {
        let identity = try HSMProcess(token).connect().token
        #expect(try run("cp", ["-a", token.tokens, token.directory.file("copy")]).status == 0)
        rename(token.tokens, token.directory.file("lost"))
        rename(token.directory.file("copy"), token.tokens)
        #expect(try HSMProcess(token).connect(expecting: identity).token == identity)
    }

    @Test("another token of the same label is not given the PIN, and both serial numbers are said")
    func otherSerial() throws {
        let module = try TamperedModule(in: token.directory)
        let identity = try HSMProcess(token).connect().token
        try token.swap()
        let other = try HSMProcess(token).connect().token
        #expect(other.serial != identity.serial && other.landmark != identity.landmark)
        try token.configure(["module": module.path])
        let error = try refusal(expecting: identity)
        #expect(error.exit == .otherToken)
        #expect(error.reason.code == .unavailable)
        #expect(error.reason.message.contains(identity.serial) && error.reason.message.contains(other.serial))
        #expect(error.reason.hint.contains("hsm.serial: \(other.serial)"))
        #expect(module.logins == 0)
    }

    @Test("a token with the expected serial number whose keys were made anew is refused, and its landmark is said")
    func otherLandmark() throws {
        let identity = try HSMProcess(token).connect().token
        let forged = TokenIdentity(serial: identity.serial, landmark: [UInt8](repeating: 7, count: 16))
        let error = try refusal(expecting: forged)
        #expect(error.exit == .otherToken)
        #expect(error.reason.message.contains(identity.landmarkText), "\(error.reason.message)")
        #expect(error.reason.message.contains(forged.landmarkText))
        #expect(error.reason.hint.contains("hsm.landmark: \(identity.landmarkText)"))
    }

    @Test("a serial number in the configuration lets a token with the same keys take the place, and no other")
    func configuredSerial() throws {
        let identity = try HSMProcess(token).connect().token
        // As a clone: another serial number, the same keys.
        let before = TokenIdentity(serial: "0123456789abcdef", landmark: identity.landmark)
        #expect(try refusal(expecting: before).exit == .otherToken)
        try token.configure(["serial": "\"\(identity.serial)\""])
        #expect(try HSMProcess(token).connect(expecting: before).token == identity)
        try token.configure()
        try token.swap()
        let serial = try serialOfTheOnlyToken()
        try token.configure(["serial": "\"\(serial)\""])
        let error = try refusal(expecting: before)
        #expect(error.exit == .otherToken)
        #expect(error.reason.hint.contains("hsm.landmark"))
    }

    private func serialOfTheOnlyToken() throws -> String {
        let listing = try run(
            "pkcs11-tool", ["--module", TestToken.module, "--list-token-slots"],
            environment: ["SOFTHSM2_CONF": token.softhsmConf])
        let line = try #require(listing.text.split(separator: "\n").first { $0.contains("serial num") })
        return try #require(line.split(separator: " ").last.map(String.init))
    }

    @Test("a landmark in the configuration goes before all that the front says")
    func configuredLandmark() throws {
        let identity = try HSMProcess(token).connect().token
        try token.swap()
        let other = try HSMProcess(token).connect().token
        try token.configure(["landmark": "\"\(other.landmarkText)\""])
        #expect(try HSMProcess(token).connect(expecting: identity).token == other)
        try token.configure(["landmark": "\"\(identity.landmarkText)\""])
        // A front that was taken over says that any token will do, or that this one is expected.
        #expect(try refusal(expecting: nil).exit == .otherToken)
        #expect(try refusal(expecting: other).exit == .otherToken)
    }

    @Test("of two tokens of the same label the expected one is used")
    func twoTokens() throws {
        let identity = try HSMProcess(token).connect().token
        try token.swap()
        let folders = try FileManager.default.contentsOfDirectory(atPath: token.directory.file("aside"))
        for folder in folders {
            rename(token.directory.file("aside") + "/" + folder, token.tokens + "/" + folder)
        }
        #expect(try refusal(expecting: nil).exit == .configuration)
        #expect(try HSMProcess(token).connect(expecting: identity).token == identity)
    }

    @Test(
        "a process that stays up makes no key on a token that was put in the other's place with the same label and PIN")
    func swapUnderARunningProcess() throws {
        for copies in [true, false] {
            try token.configure(["cache_session_objects": "\(copies)"])
            let kept = try HSMProcess(token).connect()
            let (key, epoch) = (ObjectID.random(), UInt32(copies ? 1 : 2))
            _ = try kept.ask(GenerateKey(type: .p256, owner: owner, id: key))
            let makers = try (0..<4).map { _ in try HSMProcess(token).connect() }
            let sealed = try makers[3].ask(SealState(plaintext: [1], purpose: "p", id: []))
            try token.swap()
            expect(.unavailable) { try makers[0].ask(GenerateKey(type: .p256, owner: owner, id: .random())) }
            #expect(makers[0].exit == .otherToken)
            expect(.unavailable) { try makers[1].ask(CreateIdentity(owner: owner, signing: .random(), kem: .random())) }
            expect(.unavailable) { try makers[2].ask(NewEpoch(number: epoch)) }
            try expect(.unavailable, afterCopies: true) {
                try makers[3].ask(SealState(plaintext: [1], purpose: "p", id: []))
            }
            let other = try HSMProcess(token).connect()
            for objectClass in [ObjectClass.user, .identitySigning, .identityKEM] {
                #expect(try other.ask(ListObjects(objectClass: objectClass)).isEmpty)
            }
            #expect(try other.ask(ListEpochs()).isEmpty)
            try token.swapBack(other: "other-\(copies)")
            let back = try HSMProcess(token).connect(expecting: kept.token)
            #expect(try back.ask(Sign(id: key, input: digest)).count == 64)
            #expect(try back.ask(UnsealState(sealed: sealed, purpose: "p", id: [])) == [1])
            #expect(try back.ask(ListObjects(objectClass: .user)).contains { $0.id == key })
            try back.ask(DeleteObject(objectClass: .user, id: key))
        }
    }

    @Test("a process that stays up notices a token whose files were exchanged below the same directory")
    func swapBelowTheSameDirectory() throws {
        let custody = try HSMProcess(token).connect()
        _ = try custody.ask(SealState(plaintext: [1], purpose: "p", id: []))
        let before = try FileManager.default.contentsOfDirectory(atPath: token.tokens)
        try token.swap()
        let now = try FileManager.default.contentsOfDirectory(atPath: token.tokens)
        rename(token.tokens + "/" + now[0], token.tokens + "/" + before[0])
        expect(.unavailable) { try custody.ask(GenerateKey(type: .p256, owner: owner, id: .random())) }
        let other = try HSMProcess(token).connect()
        #expect(try other.ask(ListObjects(objectClass: .user)).isEmpty)
        #expect(other.token.landmark != custody.token.landmark)
    }

    @Test("a token without the landmark key is told from one that is away")
    func empty() throws {
        let identity = try HSMProcess(token).connect().token
        let emptied = try token.pkcs11Tool(["--delete-object", "--type", "secrkey", "--label", "dta/seal/1"])
        #expect(emptied.status == 0, "\(emptied.errors)")
        let error = try refusal(expecting: nil)
        #expect(error.exit == .tokenAway && error.reason.message.contains("has no key dta/seal/1"))
        #expect(error.reason.hint.contains("on a new token"))
        #expect(try refusal(expecting: identity).exit == .otherToken)
    }

    @Test("a token that is not there is told with those that are, and with what keeps SoftHSM from its tokens")
    func nowhere() throws {
        try token.configure(["token": "other"])
        var reason = try refusal(expecting: nil).reason
        #expect(reason.message.contains("only \"test\" (serial number "), "\(reason.message)")
        try token.configure(["token": "other", "softhsm_conf": "/nonexistent/softhsm2.conf"])
        reason = try refusal(expecting: nil).reason
        #expect(reason.code == .unavailable)
        #expect(reason.message.contains("/nonexistent/softhsm2.conf (hsm.softhsm_conf) cannot be read: No such file"))
        try token.configure()
        rename(token.tokens, token.directory.file("away"))
        reason = try refusal(expecting: nil).reason
        #expect(reason.message.contains("\(token.tokens), where ") && reason.message.contains("No such file"))
        try token.directory.write("softhsm2.conf", "objectstore.backend = file\n")
        reason = try refusal(expecting: nil).reason
        #expect(reason.message.contains("names no directories.tokendir"), "\(reason.message)")
        #expect(!reason.hint.contains("dtad check"))
    }

    @Test("a module that does not start says so itself")
    func moduleFails() throws {
        let module = try TamperedModule(in: token.directory)
        try token.configure(["module": module.path])
        try module.set(.failInitialise)
        let reason = try refusal(expecting: nil).reason
        #expect(reason.message.contains("\(module.path) does not start (C_Initialize: CKR_GENERAL_ERROR)"))
        #expect(!reason.message.contains("away"))
    }

    /// NSS's, which Debian installs with libnss3.
    private static let softoken = "/usr/lib/x86_64-linux-gnu/libsoftokn3.so"

    @Test("a module that wants arguments which dtad-hsm does not give is named, and why", arguments: [false, true])
    func moduleWantsArguments(isReal: Bool) throws {
        if isReal, access(Self.softoken, F_OK) != 0 { return }
        let module = try TamperedModule(in: token.directory)
        try module.set(.wantArguments)
        let path = isReal ? Self.softoken : module.path
        try token.configure(["module": path])
        let error = try refusal(expecting: nil)
        #expect(error.exit == .moduleMissing && error.reason.code == .failedPrecondition)
        #expect(error.reason.message.contains("\(path) does not start (C_Initialize: CKR_ARGUMENTS_BAD)"), "\(error)")
        #expect(error.reason.message.contains("wants arguments"))
        #expect(error.reason.hint.contains("hsm.module"))
        let lengths = try run(try Binary.path("dtad-hsm"), ["--pin-lengths", "--config", token.configuration])
        #expect(lengths.status == CustodyExit.moduleMissing.status && lengths.errors.contains("wants arguments"))
    }
}
