import Foundation

/// A program that has the PIN and uses AES keys on a token as dtad-hsm does: it opens what dtad-hsm sealed, and seals what
/// releases before this one sealed. No operation of dtad-hsm does either for anybody.
public final class SealingTool: Sendable {
    private let directory: TemporaryDirectory
    private let program: String

    /// Compiles the program.
    public init() throws {
        directory = try TemporaryDirectory()
        program = directory.file("sealing")
        let source = try directory.write("sealing.c", Self.source)
        let flags = try run("pkg-config", ["--cflags", "p11-kit-1"]).text.split(whereSeparator: \.isWhitespace)
        let made = try run("clang", ["-O1", "-o", program, source, "-ldl"] + flags.map(String.init))
        guard made.status == 0 else { throw TestFailure("clang: \(made.errors)") }
    }

    /// A token, and how to log in.
    public struct Place: Sendable {
        let softhsmConf: String
        let token: String
        let pin: String

        public init(_ token: TestToken) {
            (softhsmConf, self.token, pin) = (token.softhsmConf, TestToken.label, TestToken.pin)
        }

        /// A stopped agent's, as `dtad init` made it.
        public init(_ agent: TestAgent) throws {
            softhsmConf = agent.state + "/softhsm2.conf"
            token = "dta"
            pin = try String(contentsOfFile: agent.state + "/hsm-pin", encoding: .utf8)
                .trimmingCharacters(in: .newlines)
        }
    }

    /// version ‖ key number ‖ nonce ‖ ciphertext ‖ tag, by the key `dta/<class>/<number>`.
    public func seal(
        _ plaintext: [UInt8], version: UInt8 = 1, _ objectClass: String, number: UInt32 = 1, aad: [UInt8],
        at place: Place
    ) throws -> [UInt8] {
        let nonce = (0..<12).map { _ in UInt8.random(in: 0...255) }
        let box = try use("encrypt", "dta/\(objectClass)/\(number)", nonce, aad, plaintext, place)
        return [version] + (0..<4).map { UInt8(truncatingIfNeeded: number >> (24 - 8 * $0)) } + nonce + box
    }

    /// What is in a sealed blob.
    public func open(_ blob: [UInt8], _ objectClass: String, aad: [UInt8], at place: Place) throws -> [UInt8] {
        let number = blob[1..<5].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        return try use(
            "decrypt", "dta/\(objectClass)/\(number)", Array(blob[5..<17]), aad, Array(blob[17...]), place)
    }

    private func use(
        _ what: String, _ label: String, _ nonce: [UInt8], _ aad: [UInt8], _ input: [UInt8], _ place: Place
    ) throws -> [UInt8] {
        let done = try run(
            program, [TestToken.module, place.token, place.pin, label, what, hex(nonce), hex(aad)], input: input,
            environment: ["SOFTHSM2_CONF": place.softhsmConf])
        guard done.status == 0 else { throw TestFailure("\(what) by \(label): \(done.errors)") }
        return done.output
    }

    private static let source = """
        #include <dlfcn.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        #include <p11-kit/pkcs11.h>

        static unsigned char in[1 << 20], out[1 << 20];

        static void need(int good, const char *what)
        {
            if (good)
                return;
            fprintf(stderr, "%s\\n", what);
            exit(1);
        }

        static unsigned long bytes(const char *hex, unsigned char *to)
        {
            unsigned long n = strlen(hex) / 2;
            for (unsigned long i = 0; i < n; i++) {
                unsigned byte;
                need(sscanf(hex + 2 * i, "%2x", &byte) == 1, "hex");
                to[i] = byte;
            }
            return n;
        }

        int main(int argc, char **argv)
        {
            CK_FUNCTION_LIST *f;
            CK_SLOT_ID slots[64];
            unsigned long count = 64, size, got = sizeof out, found;
            CK_SESSION_HANDLE session;
            CK_OBJECT_HANDLE key;
            unsigned char nonce[12], aad[4096];
            need(argc == 8, "arguments");
            void *module = dlopen(argv[1], RTLD_NOW);
            need(module != NULL, "dlopen");
            CK_RV (*list)(CK_FUNCTION_LIST **) = (CK_RV(*)(CK_FUNCTION_LIST **))dlsym(module, "C_GetFunctionList");
            need(list && list(&f) == CKR_OK && f->C_Initialize(NULL) == CKR_OK, "C_Initialize");
            need(f->C_GetSlotList(CK_TRUE, slots, &count) == CKR_OK, "C_GetSlotList");
            int at = -1;
            for (unsigned long i = 0; i < count; i++) {
                CK_TOKEN_INFO info;
                if (f->C_GetTokenInfo(slots[i], &info) == CKR_OK && !memcmp(info.label, argv[2], strlen(argv[2]))
                    && info.label[strlen(argv[2])] == ' ')
                    at = i;
            }
            need(at >= 0, "no such token");
            need(f->C_OpenSession(slots[at], CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session) == CKR_OK,
                 "C_OpenSession");
            need(f->C_Login(session, CKU_USER, (unsigned char *)argv[3], strlen(argv[3])) == CKR_OK, "C_Login");
            CK_OBJECT_CLASS class = CKO_SECRET_KEY;
            CK_ATTRIBUTE wanted[] = {{CKA_CLASS, &class, sizeof class}, {CKA_LABEL, argv[4], strlen(argv[4])}};
            need(f->C_FindObjectsInit(session, wanted, 2) == CKR_OK
                 && f->C_FindObjects(session, &key, 1, &found) == CKR_OK && found == 1
                 && f->C_FindObjectsFinal(session) == CKR_OK, "no such key");
            CK_GCM_PARAMS gcm = {nonce, bytes(argv[6], nonce), 96, aad, bytes(argv[7], aad), 128};
            CK_MECHANISM mechanism = {CKM_AES_GCM, &gcm, sizeof gcm};
            size = fread(in, 1, sizeof in, stdin);
            if (!strcmp(argv[5], "encrypt"))
                need(f->C_EncryptInit(session, &mechanism, key) == CKR_OK
                     && f->C_Encrypt(session, in, size, out, &got) == CKR_OK, "C_Encrypt");
            else
                need(f->C_DecryptInit(session, &mechanism, key) == CKR_OK
                     && f->C_Decrypt(session, in, size, out, &got) == CKR_OK, "C_Decrypt");
            need(fwrite(out, 1, got, stdout) == got, "fwrite");
            return 0;
        }

        """
}
