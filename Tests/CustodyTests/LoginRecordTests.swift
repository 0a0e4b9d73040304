import CustodyProtocol
import DTASystem
import Foundation
import TestSupport
import Testing

@Suite("What dtad-hsm writes before it logs in", .ownThread)
struct LoginRecordTests {
    let token: TestToken
    let module: TamperedModule

    init() throws {
        token = try TestToken()
        module = try TamperedModule(in: token.directory)
        try token.configure(["module": module.path])
        try token.directory.write("pin", "wrong-pin\n")
    }

    /// A dtad-hsm that is killed while it logs in.
    private func logIn(dying fault: TamperedModule.Fault) throws {
        try module.set(fault)
        let logins = module.logins
        #expect(throws: (any Error).self) { try HSMProcess(token).connect() }
        #expect(module.logins == logins + 1)
        module.clear(fault)
    }

    /// No PIN is tried, neither a wrong one nor the right one, as long as something is in the way.
    private func expectNoLogin(because cause: String, code: ErrorCode = .failedPrecondition) throws {
        let logins = module.logins
        for pin in ["wrong-pin", "wrong-pin", TestToken.pin] {
            try token.directory.write("pin", pin + "\n")
            let error = try token.refusal()
            #expect(error.exit == .configuration && error.reason.code == code, "\(error)")
            #expect(error.reason.message.contains("hsm.lock.refused-pin"), "\(error.reason.message)")
            #expect(error.reason.message.contains(cause), "\(error.reason.message)")
        }
        #expect(module.logins == logins)
    }

    @Test("dtad-hsm tries no PIN if a directory, a pipe or a link lies where it would remember a refusal")
    func inTheWay() throws {
        mkdir(token.refusedPIN, 0o700)
        try expectNoLogin(because: "is a directory")
        rmdir(token.refusedPIN)
        mkfifo(token.refusedPIN, 0o600)
        try expectNoLogin(because: "is a pipe")
        unlink(token.refusedPIN)
        symlink("/dev/null", token.refusedPIN)
        try expectNoLogin(because: "is a symbolic link")
        unlink(token.refusedPIN)
        mkdir(token.refusedPIN + ".new", 0o700)
        try expectNoLogin(because: "File exists")
        rmdir(token.refusedPIN + ".new")
        #expect(try token.serves())
        #expect(module.logins == 1)
    }

    @Test("dtad-hsm tries no PIN if the file is immutable in which it would remember that the token refused it")
    func immutable() throws {
        try token.directory.write("hsm.lock.refused-pin", "")
        guard try run("chattr", ["+i", token.refusedPIN]).status == 0 else {
            return print("SKIPPED: no file can be made immutable here")
        }
        defer { _ = try? run("chattr", ["-i", token.refusedPIN]) }
        try expectNoLogin(because: "Operation not permitted")
        #expect(try run("chattr", ["-i", token.refusedPIN]).status == 0)
        #expect(try token.serves())
    }

    @Test("dtad-hsm tries no PIN if the disk is full on which it would remember that the token refused it")
    func fullDisk() throws {
        guard let small = try SmallDisk(kilobytes: 64, at: token.directory.file("small")) else { return }
        try token.configure(["module": module.path, "lock_file": small.path + "/hsm.lock"])
        let filling = small.path + "/filling"
        _ = try run("dd", ["if=/dev/zero", "of=" + filling, "bs=4096"])
        try expectNoLogin(because: "No space left on device", code: .resourceExhausted)
        unlink(filling)
        #expect(try token.serves())
        #expect(try FileManager.default.contentsOfDirectory(atPath: small.path).allSatisfy { !$0.contains("pin") })
    }

    @Test("a wrong PIN is not tried twice although dtad-hsm is killed when the token has refused it")
    func killedAfterRefusal() throws {
        try logIn(dying: .dieAfterLogin)
        for pin in ["wrong-pin", TestToken.pin] {
            try token.directory.write("pin", pin + "\n")
            let error = try token.refusal()
            #expect(error.exit == .wrongPIN && error.reason.message.contains("was cut off"), "\(error)")
            #expect(error.reason.hint.contains("/hsm.lock.refused-pin"))
        }
        #expect(module.logins == 1)
        unlink(token.refusedPIN)
        #expect(try token.serves())
    }

    @Test("a right PIN is tried again if dtad-hsm is killed while it logs in")
    func killedWithRightPIN() throws {
        try token.directory.write("pin", TestToken.pin + "\n")
        for fault in [TamperedModule.Fault.dieBeforeLogin, .dieAfterLogin] {
            try logIn(dying: fault)
            #expect(FileManager.default.fileExists(atPath: token.refusedPIN))
            #expect(try token.serves())
            #expect(!FileManager.default.fileExists(atPath: token.refusedPIN))
        }
    }

    @Test("a wrong PIN that the token has not seen is tried once after dtad-hsm was killed")
    func killedBeforeLogin() throws {
        try logIn(dying: .dieBeforeLogin)
        #expect(try token.refusal().reason.message.contains("CKR_PIN_INCORRECT"))
        #expect(try token.refusal().reason.message.contains("before"))
        #expect(module.logins == 2)
    }

    @Test("a PIN that the token refused is not tried again although a log-in with another one is cut off")
    func killedWithAnother() throws {
        _ = try token.refusal()
        try token.directory.write("pin", TestToken.pin + "\n")
        try logIn(dying: .dieAfterLogin)
        try token.directory.write("pin", "wrong-pin\n")
        #expect(try token.refusal().reason.message.contains("before"))
        try token.directory.write("pin", TestToken.pin + "\n")
        #expect(try token.serves())
    }
}
