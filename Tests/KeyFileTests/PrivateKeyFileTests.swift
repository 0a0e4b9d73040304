import DTABytes
import DTAFormats
import Foundation
import TestSupport
import Testing

@testable import DTAKeyFiles

/// Files of the programs that people have made keys with.
@Suite("Files with private keys", .ownThread)
struct PrivateKeyFileTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    @discardableResult
    private func openssl(_ words: String) throws -> Finished {
        let done = try run("/bin/sh", ["-c", "cd \"$0\" && openssl \(words)", folder.path])
        guard done.status == 0 else { throw TestFailure("openssl \(words): \(done.errors)") }
        return done
    }

    private func secret(_ name: String) throws -> Secret {
        var data = [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder.file(name))))
        return Secret(taking: &data)
    }

    private func read(_ name: String, as kind: TransportedKey.Kind? = nil) throws -> (TransportedKey.Kind, PublicKey?) {
        let key = try KeyFile.read(secret(name), as: kind)
        return (key.kind, key.publicKey)
    }

    /// The error of a file that must not be read.
    private func refused(_ name: String, as kind: TransportedKey.Kind? = nil) throws -> String {
        do {
            let (found, _) = try read(name, as: kind)
            Issue.record("\(name) was read as \(found)")
            return ""
        } catch let error as FormatError {
            return error.reason
        }
    }

    private static let kinds: [(TransportedKey.Kind, String)] = [
        (.ed25519, "-algorithm ed25519"), (.p256, "-algorithm EC -pkeyopt ec_paramgen_curve:P-256"),
        (.p384, "-algorithm EC -pkeyopt ec_paramgen_curve:P-384"),
        (.secp256k1, "-algorithm EC -pkeyopt ec_paramgen_curve:secp256k1"),
        (.rsa2048, "-algorithm RSA -pkeyopt rsa_keygen_bits:2048"),
        (.rsa3072, "-algorithm RSA -pkeyopt rsa_keygen_bits:3072"),
    ]

    @Test("what openssl writes in PKCS#8, SEC 1 and PKCS#1, as PEM and DER, is the key that it was", arguments: kinds)
    func written(kind: TransportedKey.Kind, words: String) throws {
        try openssl("genpkey \(words) -out pkcs8.pem")
        try openssl("pkey -in pkcs8.pem -outform DER -out pkcs8.der")
        try openssl("pkey -in pkcs8.pem -pubout -outform DER -out public.der")
        let half = try PublicKey(
            spkiDER: Array(try Data(contentsOf: URL(fileURLWithPath: folder.file("public.der")))))
        var files = ["pkcs8.pem", "pkcs8.der"]
        if kind != .ed25519 {
            try openssl("pkey -in pkcs8.pem -traditional -out old.pem")
            try openssl("pkey -in pkcs8.pem -traditional -outform DER -out old.der")
            files += ["old.pem", "old.der"]
        }
        if half.algorithm.digestLength != nil {
            // With the parameters before the key, as `openssl ecparam -genkey` writes it.
            try openssl(
                "ecparam -name \(kind == .p256 ? "prime256v1" : kind == .p384 ? "secp384r1" : "secp256k1") > all.pem")
            try openssl("pkey -in pkcs8.pem -traditional >> all.pem")
            files.append("all.pem")
        }
        for file in files {
            let (found, key) = try read(file)
            #expect(found == kind && key == half, "\(file)")
            #expect(try read(file, as: kind).0 == kind)
            let other: TransportedKey.Kind = kind == .p256 ? .p384 : .p256
            #expect(try refused(file, as: other).contains("of type \(kind)"), "\(file)")
        }
        // Text before it, and Windows' ends of lines.
        let pem = try String(contentsOfFile: folder.file("pkcs8.pem"), encoding: .utf8)
        try folder.write("text.pem", "a key of mine\n\n" + pem.replacingOccurrences(of: "\n", with: "\r\n") + "\nend\n")
        #expect(try read("text.pem").1 == half)
    }

    @Test(
        "what ssh-keygen writes without a passphrase is the key that it was",
        arguments: [
            ("ed25519", "", TransportedKey.Kind.ed25519), ("ecdsa", "256", .p256), ("ecdsa", "384", .p384),
            ("rsa", "2048", .rsa2048),
        ])
    func openSSH(type: String, bits: String, kind: TransportedKey.Kind) throws {
        let size = bits.isEmpty ? [] : ["-b", bits]
        let words = ["-q", "-t", type, "-N", "", "-C", "a comment", "-f", folder.file("key")] + size
        #expect(try run("ssh-keygen", words).status == 0)
        let (found, key) = try read("key")
        #expect(found == kind)
        let line = try String(contentsOfFile: folder.file("key.pub"), encoding: .utf8)
        #expect(try key?.openSSH(comment: "a comment") == line.trimmingCharacters(in: .newlines))
        let encrypted = ["-q", "-p", "-P", "", "-N", "secret", "-f", folder.file("key")]
        #expect(try run("ssh-keygen", encrypted).status == 0)
        let reason = try refused("key")
        #expect(reason.contains("bcrypt") && reason.contains("aes256"), "\(reason)")
        #expect(try refused("key.pub").contains("neither PEM"))
    }

    @Test("JSON Web Keys are read, with members that no key needs")
    func jwk() throws {
        // RFC 8037 A.1.
        try folder.write(
            "ed.jwk",
            """
            {"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
            "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","key_ops":["sign","verify"],"ext":true,"iat":1700000000}
            """)
        let (kind, key) = try read("ed.jwk")
        #expect(kind == .ed25519 && key?.jwkThumbprint == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k")
        // RFC 7517 A.2: an EC and an RSA key; RFC 7517 A.3: two secret ones.
        try folder.write(
            "ec.jwk",
            """
            {"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
            "y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","d":"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE","use":"enc",
            "kid":"1"}
            """)
        #expect(try read("ec.jwk").0 == .p256)
        #expect(try read("ec.jwk").1?.jwk.contains("MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4") == true)
        let value = Base64.encode(url: [UInt8](repeating: 7, count: 32))
        try folder.write("oct.jwk", "{\"kty\":\"oct\",\"k\":\"\(value)\",\"alg\":\"HS256\"}")
        #expect(try read("oct.jwk").0 == .hmacSHA256)
        try folder.write("bare.jwk", "{\"kty\":\"oct\",\"k\":\"\(value)\"}")
        #expect(try refused("bare.jwk").contains("does not say what it is for"))
        #expect(try read("bare.jwk", as: .aes256).0 == .aes256)
        for (text, words) in [
            ("{\"kty\":\"OKP\",\"crv\":\"X25519\",\"d\":\"\(value)\"}", "X25519"),
            ("{\"kty\":\"EC\",\"crv\":\"P-521\",\"d\":\"\(value)\"}", "P-521"),
            ("{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"\(value)\"}", "no member d"),
            ("{\"kty\":\"oct\",\"k\":\"AA\",\"alg\":\"HS256\"}", "32 bytes"),
            ("{\"kty\":\"oct\",\"k\":\"A+/=\",\"alg\":\"HS256\"}", "not base64url"),
            ("{\"kty\":\"oct\",\"kty\":\"EC\"}", "twice"), ("{\"kty\":{\"a\":1}}", "flat"), ("{", "flat"),
            ("{}", "type"),
            ("{\"a\":[[1]]}", "flat"), ("{\"k\\u0074y\":\"oct\"}", "flat"), ("{\"kty\":\"oct\"} x", "flat"),
            ("{\"kty\":\"\u{1b}[31m\"}", "flat"),
        ] {
            try folder.write("bad.jwk", text)
            let reason = try refused("bad.jwk")
            #expect(reason.contains(words), "\(text): \(reason)")
            #expect(!reason.contains("\u{1b}"))
        }
    }

    @Test("the bare bytes of a key are read if its type is named, and not otherwise")
    func raw() throws {
        for kind in TransportedKey.Kind.allCases where !(kind.algorithm?.isRSA ?? false) {
            let bytes = [UInt8](repeating: 0x31, count: kind.byteCount)
            try folder.write("raw", bytes)
            #expect(try read("raw", as: kind).0 == kind)
            #expect(try refused("raw").contains("neither PEM"))
            for wrong in [Array(bytes.dropLast()), bytes + [0]] {
                try folder.write("wrong", wrong)
                #expect(try refused("wrong", as: kind).contains("neither PEM"))
            }
        }
        for kind in [TransportedKey.Kind.p256, .p384, .secp256k1] {
            for byte: UInt8 in [0, 0xff] {
                try folder.write("bad", [UInt8](repeating: byte, count: kind.byteCount))
                #expect(try refused("bad", as: kind).contains(" is "), "\(kind) \(byte)")
            }
        }
        for kind in [TransportedKey.Kind.hmacSHA256, .aes256] {
            try folder.write("zero", [UInt8](repeating: 0, count: 32))
            #expect(try refused("zero", as: kind).contains("out of range"))
        }
        // 48 bytes of DER are no key of P-384.
        try openssl("genpkey -algorithm ed25519 -outform DER -out ed.der")
        #expect(try refused("ed.der", as: .p384).contains("of type ed25519"))
    }

    @Test("encrypted keys, public keys, weak keys and keys of other kinds are refused by their names")
    func others() throws {
        try openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out ec.pem")
        try openssl("pkcs8 -topk8 -in ec.pem -passout pass:secret -out encrypted.pem")
        try openssl("pkcs8 -topk8 -in ec.pem -passout pass:secret -outform DER -out encrypted.der")
        try openssl("ec -in ec.pem -aes256 -passout pass:secret -out proc.pem")
        try openssl("pkey -in ec.pem -pubout -out public.pem")
        try openssl("pkey -in ec.pem -pubout -outform DER -out public.der")
        try openssl("req -new -x509 -key ec.pem -subj /CN=x -out cert.pem")
        try openssl("genrsa -traditional -out weak.pem 1024")
        try openssl("genrsa -out odd.pem 2304")
        try openssl("genrsa -3 -out three.pem 2048")
        try openssl("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -pkeyopt rsa_keygen_primes:3 -out multi.pem")
        try openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-521 -out p521.pem")
        try openssl("genpkey -algorithm X25519 -out x25519.pem")
        try openssl("genpkey -algorithm ed448 -out ed448.pem")
        try openssl("ecparam -name prime256v1 -genkey -param_enc explicit -out explicit.pem")
        try openssl("genpkey -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048 -out pss.pem")
        try run("/bin/sh", ["-c", "cd \"$0\" && cat ec.pem ec.pem > two.pem", folder.path])
        for (file, words) in [
            ("encrypted.pem", "encrypted (PKCS#8)"), ("encrypted.der", "encrypted (PKCS#8)"),
            ("proc.pem", "Proc-Type: 4,ENCRYPTED"), ("public.pem", "but a PUBLIC KEY"),
            ("public.der", "a public key only"),
            ("cert.pem", "but a CERTIFICATE"), ("weak.pem", "1024 bits is too weak"), ("odd.pem", "not 2304"),
            ("three.pem", "exponent 65537"), ("multi.pem", "two primes"), ("p521.pem", "P-521"),
            ("x25519.pem", "X25519"), ("ed448.pem", "Ed448"), ("explicit.pem", "by parameters"),
            ("pss.pem", "RSASSA-PSS"), ("two.pem", "more than one private key"),
        ] {
            let reason = try refused(file)
            #expect(reason.contains(words), "\(file): \(reason)")
        }
    }

    @Test("damaged files are refused, wherever they are cut or altered")
    func damaged() throws {
        try openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -outform DER -out ec.der")
        try openssl("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa.pem")
        try openssl("pkey -in rsa.pem -traditional -outform DER -out rsa.der")
        try openssl("genpkey -algorithm ed25519 -out ed.pem")
        #expect(
            try run("ssh-keygen", ["-q", "-t", "ecdsa", "-N", "", "-f", folder.file("ssh")]).status == 0)
        for file in ["ec.der", "rsa.der", "ed.pem", "ssh"] {
            let whole = [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder.file(file))))
            let step = max(1, whole.count / 120)
            for length in stride(from: 0, to: whole.count - 2, by: step) {
                let beginning = Array(whole[..<length])
                let cut = Secret(copying: beginning.span)
                #expect(throws: FormatError.self, "\(file) \(length)") { _ = try KeyFile.read(cut).kind }
            }
            // An altered key is refused, or it is another key; it never ends the process.
            for index in stride(from: 0, to: whole.count, by: step) {
                for bit: UInt8 in [0x01, 0x80] {
                    var altered = whole
                    altered[index] ^= bit
                    _ = try? KeyFile.read(Secret(copying: altered.span)).kind
                }
            }
        }
        // Numbers of an RSA key that do not belong together.
        let rsa = [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder.file("rsa.der"))))
        for index in [40, 300, 600, 750] {
            var altered = rsa
            altered[index] ^= 1
            #expect(throws: FormatError.self, "\(index)") { _ = try KeyFile.read(Secret(copying: altered.span)).kind }
        }
        // Lengths that lie, nesting, garbage.
        for text: [UInt8] in [
            [0x30], [0x30, 0x80], [0x30, 0x84, 0xff, 0xff, 0xff, 0xff], [0x30, 0x83, 0xff, 0xff, 0xff, 0x02],
            [0x30, 0x82, 0x00, 0x03, 0x02, 0x01, 0x00], [0x30, 0x03, 0x02, 0x01], [UInt8](repeating: 0x30, count: 4096),
            (0..<2000).flatMap { _ in [0x30, 0x80] as [UInt8] }, [UInt8](repeating: 0, count: 100),
            Array("-----BEGIN PRIVATE KEY-----".utf8), Array("-----END PRIVATE KEY-----".utf8),
            Array("-----BEGIN PRIVATE KEY-----\n-----END EC PRIVATE KEY-----\n".utf8),
            Array("-----BEGIN PRIVATE KEY-----\n-----BEGIN PRIVATE KEY-----\n".utf8),
            Array("-----BEGIN PRIVATE KEY-----\n!!!!\n-----END PRIVATE KEY-----\n".utf8),
            Array("-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n".utf8),
            Array("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n".utf8),
            [UInt8](repeating: 0x7b, count: KeyFile.limit), [UInt8](repeating: 0x41, count: KeyFile.limit + 1),
        ] {
            for kind in [nil, TransportedKey.Kind.p256, .rsa3072] {
                #expect(throws: FormatError.self, "\(text.prefix(30))") {
                    _ = try KeyFile.read(Secret(copying: text.span), as: kind).kind
                }
            }
        }
    }

    @Test("seeds of the fuzzer are keys, but for the encrypted one")
    func seeds() throws {
        let program = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appending(path: "../fuzz/key-files").standardizedFileURL
        let seeds = try TemporaryDirectory()
        let made = try run(program.path, [seeds.path])
        #expect(made.status == 0, "\(made.errors)")
        let names = try FileManager.default.contentsOfDirectory(atPath: seeds.path)
        #expect(names.count == 9)
        for name in names {
            let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: seeds.file(name))))
            let kind = (try? KeyFile.read(Secret(copying: bytes.span)))?.kind
            #expect((kind == nil) == (name == "encrypted.pem"), "\(name)")
        }
    }

    @Test("a key survives its wrapping, and opens for no other place, key or offer")
    func wrapping() throws {
        try openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out ec.pem")
        let object = [UInt8](repeating: 9, count: 16)
        let place = try KeyWrapping(.p256, owner: 1000, object: object)
        let (mine, other) = (try KeyWrapping.OneTimeKey(), try KeyWrapping.OneTimeKey())
        let key = try KeyFile.read(secret("ec.pem"))
        let wrapped = try place.wrap(key, to: mine.publicKey)
        #expect(wrapped.count <= KeyWrapping.wrappedLimit)
        #expect(try mine.unwrap(wrapped, place).publicKey == key.publicKey)
        for wrong in [
            try KeyWrapping(.secp256k1, owner: 1000, object: object),
            try KeyWrapping(.p256, owner: 1001, object: object),
            try KeyWrapping(.p256, owner: 1000, object: [UInt8](repeating: 8, count: 16)),
        ] {
            #expect(throws: FormatError.self) { _ = try mine.unwrap(wrapped, wrong).kind }
        }
        #expect(throws: FormatError.self) { _ = try other.unwrap(wrapped, place).kind }
        for index in [0, 1000, 1119, 1120, wrapped.count - 1] {
            var altered = wrapped
            altered[index] ^= 1
            #expect(throws: FormatError.self, "\(index)") { _ = try mine.unwrap(altered, place).kind }
        }
        for length in [0, 100, 1120, 1136, wrapped.count - 1] {
            #expect(throws: FormatError.self) { _ = try mine.unwrap(Array(wrapped.prefix(length)), place).kind }
        }
        #expect(throws: FormatError.self) { _ = try place.wrap(key, to: [UInt8](repeating: 1, count: 40)) }
        #expect(throws: FormatError.self) { _ = try KeyWrapping(.p256, owner: 1, object: [1]) }
    }
}
