import CustodyProtocol
import DTASystem
import Foundation
import TestSupport
import Testing

@Suite("A PIN that the token refused", .ownThread)
struct RefusedPINTests {
    let token: TestToken
    let module: TamperedModule

    init() throws {
        token = try TestToken()
        module = try TamperedModule(in: token.directory)
        try token.configure(["module": module.path])
    }

    @Test("a PIN that the token refused is not tried again by any process, however many start")
    func once() throws {
        try token.directory.write("pin", "wrong-pin\n")
        let first = try token.refusal()
        #expect(first.exit == .wrongPIN && first.reason.message.contains("CKR_PIN_INCORRECT"))
        for _ in 0..<3 {
            let again = try token.refusal()
            #expect(again.exit == .wrongPIN)
            #expect(again.reason.message.contains("refused the PIN before"), "\(again.reason.message)")
            #expect(again.reason.hint.contains("/hsm.lock.refused-pin"))
        }
        #expect(module.logins == 1)
        // Nor by the command that makes keys.
        let keys = try run(
            try Binary.path("dtad-hsm"), ["--init", "--keys-only", "--config", token.configuration])
        #expect(keys.status == Int32(CustodyExit.wrongPIN.rawValue))
        #expect(module.logins == 1)
    }

    @Test("a PIN that the token refused is forgotten when another one is right, and another wrong one is tried once")
    func changed() throws {
        try token.directory.write("pin", "wrong-pin\n")
        _ = try token.refusal()
        try token.directory.write("pin", "wrong-too\n")
        #expect(try token.refusal().reason.message.contains("CKR_PIN_INCORRECT"))
        #expect(try token.refusal().reason.message.contains("before"))
        #expect(module.logins == 2)
        try token.directory.write("pin", TestToken.pin + "\n")
        #expect(try token.serves())
        #expect(!FileManager.default.fileExists(atPath: token.refusedPIN))
        #expect(try token.serves())
    }

    @Test("a PIN that the token refused is of one token: another one may have it")
    func otherToken() throws {
        try token.directory.write("pin", "wrong-pin\n")
        _ = try token.refusal()
        rename(token.tokens, token.directory.file("aside"))
        mkdir(token.tokens, 0o700)
        let logins = module.logins
        #expect(try token.initialise().status == 0)
        #expect(module.logins > logins)
        #expect(try token.serves())
    }

    @Test("a PIN that the token refused is tried again when its file is removed or damaged")
    func removed() throws {
        try token.directory.write("pin", "wrong-pin\n")
        _ = try token.refusal()
        for content in ["", "dta/refused-pin/1\n", "dta/refused-pin/1\nzz\nzz\nzz\n", "x"] {
            let logins = module.logins
            try token.directory.write("hsm.lock.refused-pin", content)
            #expect(try token.refusal().exit == .wrongPIN)
            #expect(module.logins == logins + 1)
        }
        unlink(token.refusedPIN)
        #expect(try token.refusal().reason.message.contains("CKR_PIN_INCORRECT"))
        #expect(try token.refusal().reason.message.contains("before"))
    }

    @Test("a PIN that the token refused is not tried again although the token fails at a log-in with another one")
    func otherFailure() throws {
        try token.directory.write("pin", "wrong-pin\n")
        _ = try token.refusal()
        try token.directory.write("pin", "wrong-too\n")
        try module.set(.failLogin)
        #expect(try token.refusal().exit == .tokenAway)
        module.clear(.failLogin)
        try token.directory.write("pin", "wrong-pin\n")
        #expect(try token.refusal().reason.message.contains("before"))
        #expect(module.logins == 2)
    }

    @Test("a PIN that the token refused leaves a file that its owner alone may read, without the PIN in it")
    func file() throws {
        try token.directory.write("pin", "wrong-pin\n")
        _ = try token.refusal()
        let attributes = try FileManager.default.attributesOfItem(atPath: token.refusedPIN)
        #expect(attributes[.posixPermissions] as? Int == 0o600)
        let text = try String(contentsOfFile: token.refusedPIN, encoding: .utf8)
        #expect(!text.contains("wrong") && !text.contains("77726f6e67"))
        // A hash of 32 bits: among ten million PINs a few look like this one, and it is a wrong one.
        #expect(text.split(separator: "\n").last?.count == 8)
    }
}
