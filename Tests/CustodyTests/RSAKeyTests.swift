import Crypto
import CryptoExtras
import CustodyProtocol
import DTABytes
import DTAFormats
import DTASystem
import Foundation
import TestSupport
import Testing

@testable import DTACustody

@Suite("Users' RSA keys on a token", .ownThread)
struct RSAKeyTests {
    let owner = ObjectOwner(uid: 1000)
    let id = ObjectID.random()
    let token: TestToken
    let custody: CustodyConnection

    init() throws {
        token = try TestToken()
        custody = try HSMProcess(token).connect()
    }

    private func make(_ type: KeyType = .rsa2048, _ algorithm: PublicKey.Algorithm = .rsa2048) throws -> PublicKey {
        try PublicKey(algorithm, raw: try custody.ask(GenerateKey(type: type, owner: owner, id: id)))
    }

    @Test(
        "a signature by each scheme verifies with the public key that the token gave, here and by openssl",
        arguments: [(KeyType.rsa2048, PublicKey.Algorithm.rsa2048), (.rsa3072, .rsa3072), (.rsa4096, .rsa4096)])
    func sign(type: KeyType, algorithm: PublicKey.Algorithm) throws {
        let key = try make(type, algorithm)
        let message = Array("a message of \(type.name)".utf8)
        let folder = token.directory
        let pem = try folder.write("key.pem", key.pem)
        let file = try folder.write("message", message)
        for scheme in RSAScheme.allCases {
            let digest = scheme.digest(of: message)
            let signature = try custody.ask(SignRSA(id: id, scheme: scheme, digest: digest))
            #expect(signature.count == algorithm.modulusLength)
            #expect(try key.isValid(signature: signature, digest: digest, scheme: scheme), "\(scheme)")
            let padding =
                scheme.isPSS ? ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest"] : []
            let arguments = [
                "dgst", "-sha\(8 * scheme.digestLength)", "-verify", pem, "-signature",
                try folder.write("sig", signature),
            ]
            #expect(try run("openssl", arguments + padding + [file]).text == "Verified OK\n", "\(scheme)")
        }
        let told = try custody.ask(ReadPublicKey(id: id))
        #expect(told.type == type && told.bytes == key.raw)
        #expect(
            try custody.ask(ListObjects(objectClass: .user)) == [TokenObject(objectClass: .user, owner: owner, id: id)])
        // Another process finds it by its attributes.
        let other = try HSMProcess(token).connect()
        let digest = RSAScheme.pssSHA256.digest(of: message)
        let signature = try other.ask(SignRSA(id: id, scheme: .pssSHA256, digest: digest))
        #expect(try key.isValid(signature: signature, digest: digest, scheme: .pssSHA256))
        try other.ask(DeleteObject(objectClass: .user, id: id))
        try custody.ask(ForgetObject(id: id))
        expect(.notFound) { try custody.ask(SignRSA(id: id, scheme: .pssSHA256, digest: digest)) }
        let left = try token.pkcs11Tool(["--list-objects"]).text
        #expect(!left.contains("RSA"), "\(left)")
    }

    @Test("a digest of another length than the scheme's is refused before the token sees it")
    func digestLength() throws {
        _ = try make()
        for (scheme, wrong) in [(RSAScheme.pkcs1SHA256, 20), (.pkcs1SHA256, 48), (.pssSHA512, 32), (.pssSHA384, 0)] {
            let digest = [UInt8](repeating: 1, count: wrong)
            expect(.invalidArgument) { try custody.ask(SignRSA(id: id, scheme: scheme, digest: digest)) }
        }
        // Without a scheme it signs nothing: neither a message nor a whole DigestInfo.
        for size in [1, 32, 51, 256] {
            expect(.failedPrecondition) { try custody.ask(Sign(id: id, input: [UInt8](repeating: 1, count: size))) }
        }
        #expect(!custody.isBroken)
    }

    @Test("what openssl encrypts by OAEP with SHA-256 is decrypted, with the same label only")
    func decrypt() throws {
        let key = try make()
        let folder = token.directory
        let pem = try folder.write("key.pem", key.pem)
        func encrypt(_ message: [UInt8], _ options: [String]) throws -> [UInt8] {
            let words = [
                "pkeyutl", "-encrypt", "-pubin", "-inkey", pem, "-in", try folder.write("plain", message), "-out",
                folder.file("cipher"),
            ]
            let made = try run("openssl", words + options.flatMap { ["-pkeyopt", $0] })
            guard made.status == 0 else { throw TestFailure(made.errors) }
            return Array(try Data(contentsOf: URL(fileURLWithPath: folder.file("cipher"))))
        }
        let oaep = ["rsa_padding_mode:oaep", "rsa_oaep_md:sha256", "rsa_mgf1_md:sha256"]
        // The most that fits into 2048 bits: 256 - 2 * 32 - 2.
        for size in [0, 1, 32, 190] {
            let message = (0..<size).map { UInt8(truncatingIfNeeded: $0) }
            let sealed = try encrypt(message, oaep)
            #expect(try custody.ask(Decrypt(id: id, ciphertext: sealed, associatedData: [])) == message, "\(size)")
            expect(.dataLoss) { try custody.ask(Decrypt(id: id, ciphertext: sealed, associatedData: [1])) }
        }
        let message = Array("a key".utf8)
        let labelled = try encrypt(message, oaep + ["rsa_oaep_label:6c6162656c"])
        #expect(
            try custody.ask(Decrypt(id: id, ciphertext: labelled, associatedData: Array("label".utf8))) == message)
        expect(.dataLoss) { try custody.ask(Decrypt(id: id, ciphertext: labelled, associatedData: [])) }
        // Other paddings and hashes; a number that is not below the modulus; other lengths.
        let modulus = try #require(key.rsaModulus)
        let others = [
            try encrypt(message, ["rsa_padding_mode:pkcs1"]), try encrypt(message, ["rsa_padding_mode:oaep"]),
            try encrypt(message, ["rsa_padding_mode:oaep", "rsa_oaep_md:sha256", "rsa_mgf1_md:sha1"]),
            [UInt8](repeating: 0xff, count: 256), modulus, [UInt8](repeating: 0, count: 256),
            Array(labelled.dropLast()), labelled + [0], [0] + labelled,
        ]
        var words: Set<String> = []
        for (index, ciphertext) in others.enumerated() {
            do {
                _ = try custody.ask(Decrypt(id: id, ciphertext: ciphertext, associatedData: []))
                Issue.record("\(index) was decrypted")
            } catch {
                let reason = DTAError(error)
                #expect(reason.code == .dataLoss, "\(index): \(reason)")
                words.insert(reason.message)
            }
        }
        #expect(words.count == 1, "\(words)")
        #expect(!custody.isBroken)
    }

    @Test("OAEP's padding is removed only if every part of it is right")
    func padding() throws {
        // A message that `openssl` padded would do as well; here each part can be altered.
        func pad(_ message: [UInt8], label: [UInt8], size: Int, altering: (inout [UInt8]) -> Void = { _ in }) -> Secret
        {
            var data = Array(SHA256.hash(data: label))
            data += [UInt8](repeating: 0, count: size - message.count - 66) + [1] + message
            altering(&data)
            let seed = (0..<32).map { _ in UInt8.random(in: 0...255) }
            func mask(_ target: [UInt8], _ seed: [UInt8]) -> [UInt8] {
                var pad: [UInt8] = []
                var counter: UInt8 = 0
                while pad.count < target.count {
                    pad += Array(SHA256.hash(data: seed + [0, 0, 0, counter]))
                    counter += 1
                }
                return zip(target, pad).map { $0 ^ $1 }
            }
            let maskedData = mask(data, seed)
            return Secret(copying: ([0] + mask(seed, maskedData) + maskedData).span)
        }
        for size in [256, 384, 512] {
            for length in [0, 1, 64, size - 66] {
                let message = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 7) }
                let opened = OAEP.remove(from: pad(message, label: [1, 2], size: size), label: [1, 2])
                #expect(opened == SecretReference(copying: message), "\(size) \(length)")
                #expect(OAEP.remove(from: pad(message, label: [1, 2], size: size), label: [1]) == nil)
            }
        }
        let message: [UInt8] = [0, 1, 2, 3]
        func opens(_ altering: @escaping (inout [UInt8]) -> Void) -> Bool {
            OAEP.remove(from: pad(message, label: [], size: 256, altering: altering), label: []) != nil
        }
        #expect(opens { _ in })
        for index in 0..<32 { #expect(!opens { $0[index] ^= 0x80 }, "the label's hash at \(index)") }
        for index in [32, 33, 100, 217] { #expect(!opens { $0[index] = 2 }, "a zero at \(index)") }
        #expect(!opens { data in for index in 32..<data.count { data[index] = 0 } }, "no one")
        // The first byte of the whole must be 0.
        for first: UInt8 in [1, 2, 0x80, 0xff] {
            let padded = pad(message, label: [], size: 256).withBytes { bytes in
                Secret(copying: ([first] + bytes.indices.dropFirst().map { bytes[$0] }).span)
            }
            #expect(OAEP.remove(from: padded, label: []) == nil)
        }
        #expect(OAEP.remove(from: Secret(count: 64) { _ in }, label: []) == nil)
    }

    @Test("while an RSA key is made, other processes log in, make and delete keys")
    func others() throws {
        let module = try TamperedModule(in: token.directory)
        try token.configure(["module": module.path])
        let slow = try HSMProcess(token).connect()
        try module.set(.slowRSA)
        let made = Monitor(Result<[UInt8], any Error>?.none)
        let (owner, id) = (owner, id)
        try startThread("making") {
            let result = Result { try slow.ask(GenerateKey(type: .rsa2048, owner: owner, id: id)) }
            made.withLockSignalling { $0 = result }
        }
        try eventually("the search") { module.searches == 1 }
        let other = try HSMProcess(token).connect()
        let another = ObjectID.random()
        _ = try other.ask(GenerateKey(type: .ed25519, owner: owner, id: another))
        #expect(try other.ask(Sign(id: another, input: [1])).count == 64)
        try other.ask(DeleteObject(objectClass: .user, id: another))
        #expect(made.withLock { $0 } == nil)
        module.clear(.slowRSA)
        let key = made.wait(until: monotonicNanoseconds() + 60_000_000_000) { $0.take() }
        #expect(try #require(key).get().count == 270)
    }

    @Test("a search that takes longer than hsm.deadline_ms is waited for")
    func slow() throws {
        let module = try TamperedModule(in: token.directory)
        try token.configure(["module": module.path, "deadline_ms": "300"])
        let custody = try HSMProcess(token).connect(deadlineMilliseconds: 300)
        try module.set(.slowRSA)
        try startThread("clearing") {
            usleep(1_500_000)  // pause: longer than the deadline and the margin of dtad-hsm's own alarm
            module.clear(.slowRSA)
        }
        #expect(try custody.ask(GenerateKey(type: .rsa2048, owner: owner, id: id)).count == 270)
        // The deadline is what it was.
        try module.set(.hang)
        expect(.unavailable) {
            try custody.ask(SignRSA(id: id, scheme: .pssSHA256, digest: [UInt8](repeating: 1, count: 32)))
        }
        #expect(custody.isBroken)
        module.clear(.hang)
    }

    @Test("a token that copies no keys makes an RSA key where it stays")
    func withoutCopying() throws {
        let module = try TamperedModule(in: token.directory)
        try token.configure(["module": module.path])
        try module.set(.refuseTokenCopies)
        let custody = try HSMProcess(token).connect()
        let key = try PublicKey(.rsa2048, raw: try custody.ask(GenerateKey(type: .rsa2048, owner: owner, id: id)))
        let digest = [UInt8](repeating: 1, count: 32)
        let signature = try custody.ask(SignRSA(id: id, scheme: .pkcs1SHA256, digest: digest))
        #expect(try key.isValid(signature: signature, digest: digest, scheme: .pkcs1SHA256))
        #expect(module.searches == 2)
    }

    @Test("a token whose RSA keys are not what it says makes none, and nothing is left", arguments: [true, false])
    func lying(aboutModulus: Bool) throws {
        let module = try TamperedModule(in: token.directory)
        try token.configure(["module": module.path])
        let fault: TamperedModule.Fault = aboutModulus ? .lieAboutRSA : .extractable
        try module.set(fault)
        let custody = try HSMProcess(token).connect()
        expect(.failedPrecondition) { try custody.ask(GenerateKey(type: .rsa2048, owner: owner, id: id)) }
        module.clear(fault)
        #expect(try custody.ask(ListObjects(objectClass: .user)).isEmpty)
        let left = try token.pkcs11Tool(["--list-objects"]).text
        #expect(!left.contains("RSA"), "\(left)")
        _ = try custody.ask(GenerateKey(type: .rsa2048, owner: owner, id: id))
    }

    @Test("a token without PSS has no RSA keys, and says which mechanism it lacks")
    func withoutPSS() throws {
        let module = try TamperedModule(in: token.directory)
        try token.configure(["module": module.path])
        try module.set(.hidePSS)
        let custody = try HSMProcess(token).connect()
        #expect(try !custody.ask(DescribeToken()).keyTypes.contains { $0.isRSA })
        do {
            _ = try custody.ask(GenerateKey(type: .rsa3072, owner: owner, id: id))
            Issue.record("a key was made")
        } catch {
            #expect(DTAError(error).message.contains("CKM_RSA_PKCS_PSS"), "\(error)")
        }
        #expect(try custody.ask(Examine(need: .rsa)).contains("CKM_RSA_PKCS_PSS"))
    }

    @Test("RSA keys are sensitive, sign and decrypt, and can do nothing else, as another program sees them")
    func attributes() throws {
        _ = try make()
        let listing = try token.pkcs11Tool(["--list-objects", "--type", "privkey"]).text
        #expect(listing.contains("Private Key Object; RSA"), "\(listing)")
        let lines = listing.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
        let usage = try #require(lines.first { $0.hasPrefix("Usage:") })
        #expect(usage.split(separator: ":")[1].trimmingCharacters(in: .whitespaces) == "decrypt, sign", "\(usage)")
        let access = try #require(lines.first { $0.hasPrefix("Access:") })
        for word in ["sensitive", "always sensitive", "never extract", "local"] { #expect(access.contains(word)) }
        #expect(listing.contains("dta/user/1000/\(hex(id.bytes))"))
    }
}
