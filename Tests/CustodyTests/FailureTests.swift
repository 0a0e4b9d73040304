import CustodyProtocol
import DTAFormats
import DTASystem
import Foundation
import TestSupport
import Testing

@Suite("An HSM that fails", .ownThread)
struct FailureTests {
    let token: TestToken
    let owner = ObjectOwner(uid: 1000)
    let id = ObjectID.random()
    let digest = [UInt8](repeating: 1, count: 32)

    init() throws { token = try TestToken() }

    /// Starts a dtad-hsm that must refuse to serve.
    private func refusal() throws -> (CustodyStartError, Int32) {
        let hsm = try HSMProcess(token)
        do {
            _ = try hsm.connect()
        } catch let error as CustodyStartError {
            return (error, hsm.process.wait())
        }
        throw TestFailure("dtad-hsm serves")
    }

    @Test("a wrong PIN is tried once, and never again")
    func wrongPIN() throws {
        let module = try TamperedModule(in: token.directory)
        try token.configure(["module": module.path])
        try token.directory.write("pin", "wrong-pin\n")
        let (error, status) = try refusal()
        #expect(error.exit == .wrongPIN)
        #expect(error.reason.code == .failedPrecondition)
        #expect(error.reason.message.contains("PIN"))
        #expect(!error.reason.description.contains("wrong-pin"))
        #expect(status == Int32(CustodyExit.wrongPIN.rawValue))
        #expect(module.logins == 1)
    }

    @Test("a module that is missing, or is none, is named")
    func module() throws {
        for module in ["/nowhere/module.so", "/etc/passwd", "/usr/lib/x86_64-linux-gnu/libc.so.6"] {
            try token.configure(["module": module])
            let (error, status) = try refusal()
            #expect(error.exit == .moduleMissing)
            #expect(error.reason.message.contains(module))
            #expect(status == Int32(CustodyExit.moduleMissing.rawValue))
        }
    }

    @Test("a token that is missing is away; with another serial number it is another token")
    func missingToken() throws {
        try token.configure(["token": "other"])
        let (error, status) = try refusal()
        #expect(error.exit == .tokenAway)
        #expect(error.reason.code == .unavailable)
        #expect(error.reason.message.contains("\"other\""))
        #expect(status == Int32(CustodyExit.tokenAway.rawValue))

        try token.configure()
        let serial = try HSMProcess(token).connect().ask(DescribeToken()).serial
        try token.configure(["token": nil, "serial": "'\(serial)'"])
        #expect(try HSMProcess(token).connect().ask(DescribeToken()).label == TestToken.label)
        try token.configure(["serial": "'0000000000000000'"])
        #expect(try refusal().0.exit == .tokenAway)
    }

    @Test("a token of the same label is never overwritten")
    func tokenExists() throws {
        let custody = try HSMProcess(token).connect()
        _ = try custody.ask(GenerateKey(type: .p256, owner: owner, id: id))
        let again = try token.initialise()
        #expect(again.status == Int32(CustodyExit.tokenExists.rawValue))
        #expect(again.errors.contains("exists already"))
        #expect(try custody.ask(Sign(id: id, input: digest)).count == 64)
    }

    @Test("a token that others made serves once D-TA's keys are on it, and keeps them when they are made again")
    func keysOnly() throws {
        try token.configure(["token": "plain"])
        let environment = ["SOFTHSM2_CONF": token.softhsmConf]
        let made = try run(
            "softhsm2-util",
            ["--init-token", "--free", "--label", "plain", "--pin", TestToken.pin, "--so-pin", "12345678"],
            environment: environment)
        #expect(made.status == 0, "\(made.errors)")
        let (error, _) = try refusal()
        #expect(error.exit == .tokenAway)
        #expect(error.reason.message.contains("dta/seal/1"))
        let makeKeys = ["--init", "--keys-only", "--config", token.configuration]
        #expect(try run(try Binary.path("dtad-hsm"), makeKeys).status == 0)
        let custody = try HSMProcess(token).connect()
        let row = try custody.ask(SealState(plaintext: [1], purpose: "p", id: []))
        #expect(try run(try Binary.path("dtad-hsm"), makeKeys).status == 0)
        #expect(try HSMProcess(token).connect().ask(UnsealState(sealed: row, purpose: "p", id: [])) == [1])
    }

    @Test("a file with the PIN that others could read, that is no regular file, or that is empty is refused")
    func pinFile() throws {
        let path = token.directory.file("pin")
        func expectRefusal(_ word: String) throws {
            let (error, status) = try refusal()
            #expect(error.exit == .configuration)
            #expect(error.reason.message.contains(word), "\(error.reason.message)")
            #expect(status == CustodyExit.configuration.status)
        }
        for mode in [mode_t(0o640), 0o604, 0o620] {
            chmod(path, mode)
            try expectRefusal("others")
        }
        chmod(path, 0o600)
        #expect(try HSMProcess(token).connect().ask(DrawRandom(count: 1)).count == 1)
        rename(path, token.directory.file("elsewhere"))
        try expectRefusal("cannot be read")
        symlink("elsewhere", path)
        try expectRefusal("cannot be read")
        unlink(path)
        mkfifo(path, 0o600)
        try expectRefusal("not a regular file")
        unlink(path)
        try token.directory.write("pin", "\n")
        try expectRefusal("1 to 255")
        try token.directory.write("pin", [UInt8](repeating: 65, count: 256))
        try expectRefusal("1 to 255")
        if geteuid() == 0 {
            try token.directory.write("pin", TestToken.pin)
            chown(path, 65_534, 65_534)
            try expectRefusal("belongs to uid 65534")
        }
    }

    @Test("the service manager's credential with the PIN comes before the file")
    func credential() throws {
        let folder = try TemporaryDirectory()
        try folder.write("hsm-pin", TestToken.pin, mode: 0o440)
        try token.configure(["pin_file": nil])
        let environment = ["CREDENTIALS_DIRECTORY": folder.path]
        #expect(try HSMProcess(token, environment: environment).connect().ask(DrawRandom(count: 1)).count == 1)
        #expect(try refusal().0.exit == .configuration)
    }

    @Test("dtad-hsm says on the connection that the configuration is wrong")
    func configuration() throws {
        try token.configure(["modul": "x"])
        let (error, status) = try refusal()
        #expect(error.exit == .configuration)
        #expect(error.reason.message.contains("modul"))
        #expect(status == CustodyExit.configuration.status)
    }

    @Test(
        "a token directory that is moved away makes requests unavailable, and back again all is well",
        arguments: [true, false])
    func tokenAway(copies: Bool) throws {
        try token.configure(["cache_session_objects": "\(copies)"])
        let hsm = try HSMProcess(token)
        let custody = try hsm.connect()
        _ = try custody.ask(GenerateKey(type: .p256, owner: owner, id: id))
        #expect(try custody.ask(Sign(id: id, input: digest)).count == 64)
        rename(token.tokens, token.directory.file("away"))
        try expect(.unavailable, afterCopies: copies) { try custody.ask(Sign(id: id, input: digest)) }
        #expect(custody.isBroken)
        #expect(custody.exit == .tokenAway)
        #expect(hsm.process.wait() == Int32(CustodyExit.tokenAway.rawValue))
        #expect(try refusal().0.exit == .tokenAway)
        rename(token.directory.file("away"), token.tokens)
        #expect(try HSMProcess(token).connect().ask(Sign(id: id, input: digest)).count == 64)
    }

    @Test("a token that comes back before dtad-hsm gives up is used on")
    func blink() throws {
        let custody = try HSMProcess(token).connect()
        _ = try custody.ask(GenerateKey(type: .p256, owner: owner, id: id))
        #expect(try custody.ask(Sign(id: id, input: digest)).count == 64)
        rename(token.tokens, token.directory.file("away"))
        rename(token.directory.file("away"), token.tokens)
        usleep(1_200_000)  // pause: a copy is trusted for a second, and then the token is looked at again
        #expect(try custody.ask(Sign(id: id, input: digest)).count == 64)
    }

    @Test("a key that another program deleted is not found, though this process had a copy", arguments: [true, false])
    func deletedElsewhere(copies: Bool) throws {
        try token.configure(["cache_session_objects": "\(copies)"])
        let custody = try HSMProcess(token).connect()
        let other = ObjectID.random()
        _ = try custody.ask(GenerateKey(type: .p256, owner: owner, id: id))
        _ = try custody.ask(GenerateKey(type: .p256, owner: owner, id: other))
        #expect(try custody.ask(Sign(id: id, input: digest)).count == 64)
        #expect(try token.pkcs11Tool(["--delete-object", "--type", "privkey", "--id", hex(id.bytes)]).status == 0)
        try expect(.notFound, afterCopies: copies) { try custody.ask(Sign(id: id, input: digest)) }
        // The public half alone is still there for a sweep to find.
        #expect(try custody.ask(ListObjects(objectClass: .user)).contains { $0.id == id })
        try custody.ask(DeleteObject(objectClass: .user, id: id))
        #expect(try custody.ask(ListObjects(objectClass: .user)).map(\.id) == [other])
        #expect(try custody.ask(Sign(id: other, input: digest)).count == 64)
        #expect(!custody.isBroken)
    }

    @Test(
        "a handle that the token gives to another key, after the first one was deleted, does not let that key be used",
        arguments: [true, false])
    func reusedHandle(copies: Bool) throws {
        let module = try TamperedModule(in: token.directory)
        try token.configure(["module": module.path, "cache_session_objects": "\(copies)"])
        let custody = try HSMProcess(token).connect()
        _ = try custody.ask(GenerateKey(type: .p256, owner: owner, id: id))
        #expect(try custody.ask(Sign(id: id, input: digest)).count == 64)
        #expect(try custody.ask(ReadPublicKey(id: id)).type == .p256)
        // Another process deletes the key and makes one.
        let other = try HSMProcess(token).connect()
        let next = ObjectID.random()
        try other.ask(DeleteObject(objectClass: .user, id: id))
        let made = try other.ask(GenerateKey(type: .p256, owner: owner, id: next))
        try module.set(.reuseHandles)
        // A copy signs on for a second; the public half has none.
        let read = #expect(throws: (any Error).self) { try custody.ask(ReadPublicKey(id: id)) }
        #expect(read.map { [.dataLoss, .notFound].contains(DTAError($0).code) } == true, "\(String(describing: read))")
        try expect(.notFound, afterCopies: copies) { try custody.ask(Sign(id: id, input: digest)) }
        #expect(try custody.ask(ReadPublicKey(id: next)).bytes == made)
        #expect(try custody.ask(Sign(id: next, input: digest)).count == 64)
        #expect(!custody.isBroken)
    }

    @Test("a dtad-hsm that is stopped costs its request the deadline")
    func stopped() throws {
        let hsm = try HSMProcess(token)
        let custody = try hsm.connect(deadlineMilliseconds: 300)
        hsm.process.signal(SIGSTOP)
        expect(.unavailable) { try custody.ask(DrawRandom(count: 1)) }
        #expect(custody.isBroken)
        hsm.process.signal(SIGKILL)
        #expect(hsm.process.wait() == 128 + SIGKILL)
    }

    @Test("a call to the HSM that hangs costs its request the deadline, and the alarm ends the process")
    func hang() throws {
        let module = try TamperedModule(in: token.directory)
        try token.configure(["module": module.path, "deadline_ms": "300"])
        let hsm = try HSMProcess(token)
        let custody = try hsm.connect(deadlineMilliseconds: 300)
        _ = try custody.ask(GenerateKey(type: .p256, owner: owner, id: id))
        try module.set(.hang)
        expect(.unavailable) { try custody.ask(Sign(id: id, input: digest)) }
        #expect(custody.isBroken)
        #expect(hsm.process.wait() == 128 + SIGALRM)
        module.clear(.hang)
        #expect(try HSMProcess(token).connect().ask(Sign(id: id, input: digest)).count == 64)
    }

    @Test("a call that fails is tried again by each rung of the ladder, and the client sees the signature only")
    func ladder() throws {
        let module = try TamperedModule(in: token.directory)
        try token.configure(["module": module.path])
        let hsm = try HSMProcess(token)
        let custody = try hsm.connect()
        _ = try custody.ask(GenerateKey(type: .p256, owner: owner, id: id))
        let logins = module.logins
        try module.set(.failSignOnce)
        #expect(try custody.ask(Sign(id: id, input: digest)).count == 64)
        #expect(module.logins == logins)
        try module.set(.failSignUntilInitialised)
        #expect(try custody.ask(Sign(id: id, input: digest)).count == 64)
        #expect(module.logins == logins + 1)
        #expect(!custody.isBroken)
    }

    @Test("a PIN that turns wrong while the ladder is climbed is tried once, and ends the process for good")
    func pinTurnsWrong() throws {
        let module = try TamperedModule(in: token.directory)
        try token.configure(["module": module.path])
        let hsm = try HSMProcess(token)
        let custody = try hsm.connect()
        _ = try custody.ask(GenerateKey(type: .p256, owner: owner, id: id))
        let changed = try run(
            "pkcs11-tool",
            [
                "--module", TestToken.module, "--token-label", TestToken.label, "--login", "--pin", TestToken.pin,
                "--change-pin", "--new-pin", "another-pin",
            ], environment: ["SOFTHSM2_CONF": token.softhsmConf])
        #expect(changed.status == 0, "\(changed.errors)")
        let logins = module.logins
        try module.set(.failSignUntilInitialised)
        expect(.failedPrecondition) { try custody.ask(Sign(id: id, input: digest)) }
        #expect(custody.exit == .wrongPIN)
        #expect(module.logins == logins + 1)
        #expect(hsm.process.wait() == Int32(CustodyExit.wrongPIN.rawValue))
    }

    @Test("a key is copied to the session once, unless the configuration forbids it", arguments: [true, false])
    func copies(allowed: Bool) throws {
        let module = try TamperedModule(in: token.directory)
        try token.configure(["module": module.path, "cache_session_objects": "\(allowed)"])
        let custody = try HSMProcess(token).connect()
        for type in [KeyType.p256, .secp256k1] {
            let id = ObjectID.random()
            _ = try custody.ask(GenerateKey(type: type, owner: owner, id: id))
            for _ in 0..<5 { #expect(try custody.ask(Sign(id: id, input: digest)).count == 64) }
        }
        #expect(module.copies == (allowed ? 2 : 0))
    }

    @Test("a key type for which the token lacks the mechanism is refused by the mechanism's name")
    func missingMechanism() throws {
        let module = try TamperedModule(in: token.directory)
        try token.configure(["module": module.path])
        try module.set(.hideEdwards)
        let custody = try HSMProcess(token).connect()
        #expect(try !custody.ask(DescribeToken()).keyTypes.contains(.ed25519))
        do {
            _ = try custody.ask(GenerateKey(type: .ed25519, owner: owner, id: id))
            Issue.record("an Ed25519 key was made")
        } catch {
            #expect(DTAError(error).code == .failedPrecondition)
            #expect(DTAError(error).message.contains("CKM_EC_EDWARDS_KEY_PAIR_GEN"))
        }
        #expect(try custody.ask(GenerateKey(type: .p256, owner: owner, id: id)).count == 65)
    }

    @Test("a key that the token made extractable is refused and destroyed", arguments: [KeyType.p256, .aes256])
    func disobedient(type: KeyType) throws {
        let module = try TamperedModule(in: token.directory)
        try token.configure(["module": module.path])
        let custody = try HSMProcess(token).connect()
        try module.set(.extractable)
        expect(.failedPrecondition) { try custody.ask(GenerateKey(type: type, owner: owner, id: id)) }
        #expect(try custody.ask(ListObjects(objectClass: .user)).isEmpty)
        module.clear(.extractable)
        _ = try custody.ask(GenerateKey(type: type, owner: owner, id: id))
        #expect(try custody.ask(ListObjects(objectClass: .user)).map(\.id) == [id])
    }

    @Test("an identity whose second key fails leaves nothing of the first")
    func halfAnIdentity() throws {
        let module = try TamperedModule(in: token.directory)
        try token.configure(["module": module.path])
        let custody = try HSMProcess(token).connect()
        try module.set(.failDerive)
        let kem = ObjectID.random()
        expect(.failedPrecondition) { try custody.ask(CreateIdentity(owner: owner, signing: id, kem: kem)) }
        #expect(
            try custody.ask(ListObjects(objectClass: .identitySigning)).isEmpty
                && custody.ask(ListObjects(objectClass: .identityKEM)).isEmpty)
        module.clear(.failDerive)
        #expect(try custody.ask(CreateIdentity(owner: owner, signing: id, kem: kem)).kem.count == 1216)
    }

    @Test("if the token lacks Ed25519, an identity signs with P-256, with the lower s")
    func identityWithP256() throws {
        let module = try TamperedModule(in: token.directory)
        try token.configure(["module": module.path])
        try module.set(.hideEdDSA)
        let custody = try HSMProcess(token).connect()
        let keys = try custody.ask(CreateIdentity(owner: owner, signing: id, kem: .random()))
        #expect(keys.signingType == .p256)
        let key = try SigningKey(PublicKey(.p256, raw: keys.signing))
        for first in UInt8(0)..<16 {
            let hash = [first] + digest.dropFirst()
            let signature = try custody.ask(SignDocument(id: id, context: SignedBytes.envelope, hash: hash))
            // This refuses a high s.
            try key.verify(signature, context: SignedBytes.envelope, hash: hash)
        }
    }

    @Test("a sealing key that has done enough is followed by the next, in every process")
    func advance() throws {
        let module = try TamperedModule(in: token.directory)
        try token.configure(["module": module.path])
        let (one, two) = (try HSMProcess(token).connect(), try HSMProcess(token).connect())
        var blobs = [
            try one.ask(SealState(plaintext: [1], purpose: "p", id: [])),
            try two.ask(SealState(plaintext: [2], purpose: "p", id: [])),
        ]
        try module.set(.zeroDice)
        blobs.append(try one.ask(SealState(plaintext: [3], purpose: "p", id: [])))
        // This one throws the same dice, and looks first: each of its throws advances once.
        blobs.append(try two.ask(SealState(plaintext: [4], purpose: "p", id: [])))
        module.clear(.zeroDice)
        blobs.append(try two.ask(SealState(plaintext: [5], purpose: "p", id: [])))
        blobs.append(try HSMProcess(token).connect().ask(SealState(plaintext: [6], purpose: "p", id: [])))
        #expect(blobs.map { $0[4] } == [1, 1, 2, 3, 3, 3])
        for (index, blob) in blobs.enumerated() {
            #expect(try one.ask(UnsealState(sealed: blob, purpose: "p", id: [])) == [UInt8(index + 1)])
        }
        let identity = try HeldIdentity(one)
        #expect(identity.keys.sealedSeed[4] == 1)
    }

    @Test("a dtad-hsm that is killed makes its request unavailable")
    func killed() throws {
        let hsm = try HSMProcess(token)
        let custody = try hsm.connect()
        hsm.process.signal(SIGKILL)
        _ = hsm.process.wait()
        expect(.unavailable) { try custody.ask(DrawRandom(count: 1)) }
        #expect(custody.isBroken)
    }

    @Test("dtad-hsm processes that start together wait for each other's log-in")
    func together() throws {
        let processes = try (0..<8).map { _ in try HSMProcess(token) }
        for process in processes { #expect(try process.connect().ask(DrawRandom(count: 4)).count == 4) }
    }

    @Test("dtad-hsm closes its memory to its own user, and says its version")
    func hardening() throws {
        let hsm = try HSMProcess(token)
        let custody = try hsm.connect()
        #expect(try custody.ask(DrawRandom(count: 1)).count == 1)
        let status = try String(contentsOfFile: "/proc/\(hsm.process.pid)/limits", encoding: .utf8)
        let core = try #require(status.split(separator: "\n").first { $0.hasPrefix("Max core file size") })
        #expect(core.split(separator: " ").dropFirst(4).prefix(2) == ["0", "0"])
        // What is not dumpable belongs to root in /proc, whoever runs it.
        if geteuid() != 0 {
            #expect(throws: (any Error).self) {
                try Data(contentsOf: URL(fileURLWithPath: "/proc/\(hsm.process.pid)/environ"))
            }
        }
        let version = try run(try Binary.path("dtad-hsm"), ["--version"])
        #expect(version.status == 0 && version.text.hasPrefix("dtad-hsm "))
    }

    @Test(
        "dtad-hsm refuses a command line that makes no sense",
        arguments: [[], ["--init"], ["--config"], ["--serve"], ["--pin", "1"]])
    func commandLine(arguments: [String]) throws {
        let result = try run(try Binary.path("dtad-hsm"), arguments)
        #expect(result.status == Int32(CustodyExit.usage.rawValue))
        #expect(result.errors.contains("usage:"))
    }
}
