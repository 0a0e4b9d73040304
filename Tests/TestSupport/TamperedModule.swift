import Foundation

/// SoftHSM behind a module that misbehaves as a test asks: for each fault there is a file in the test's directory.
public struct TamperedModule: Sendable {
    /// The module's path, for `hsm.module`.
    public let path: String
    private let directory: TemporaryDirectory

    public enum Fault: String, Sendable {
        /// C_Sign never returns.
        case hang
        /// C_Sign fails, once.
        case failSignOnce = "fail-sign-once"
        /// C_Sign fails until C_Initialize was called again.
        case failSignUntilInitialised = "fail-sign-until-init"
        /// C_DeriveKey fails.
        case failDerive = "fail-derive"
        /// C_GenerateKeyPair and C_GenerateKey make extractable keys.
        case extractable
        /// CKM_EC_EDWARDS_KEY_PAIR_GEN is not among the mechanisms.
        case hideEdwards = "hide-edwards"
        /// CKM_EDDSA is not among the mechanisms.
        case hideEdDSA = "hide-eddsa"
        /// Four random bytes are zeros.
        case zeroDice = "zero-dice"
        /// CKM_AES_GCM is not among the mechanisms.
        case hideGCM = "hide-gcm"
        /// CKM_AES_GCM is among the mechanisms, and C_EncryptInit refuses it.
        case refuseGCM = "refuse-gcm"
        /// C_DecryptInit takes the last byte of a tag as right, whatever it is.
        case forgiveTag = "forgive-tag"
        /// C_GenerateKeyPair refuses this curve.
        case refuseEd25519 = "refuse-ed25519"
        case refuseX25519 = "refuse-x25519"
        case refuseP384 = "refuse-p384"
        case refuseSecp256k1 = "refuse-secp256k1"
        /// The points of Ed25519 keys are others than theirs; with `shortPoint`, a byte too short.
        case lieAboutEd25519 = "lie-ed25519"
        case shortPoint = "short-point"
        /// C_GenerateRandom gives zeros.
        case noDice = "no-dice"
        /// C_Initialize fails.
        case failInitialise = "fail-initialise"
        /// C_Initialize aborts the process.
        case abortInitialise = "abort-initialise"
        /// C_Initialize takes no call without arguments.
        case wantArguments = "want-arguments"
        /// C_GenerateKeyPair ends the process after it made the keys.
        case dieAfterPair = "die-after-pair"
        /// C_Login never returns.
        case hangLogin = "hang-login"
        /// The process is killed before, or after, the token sees the PIN.
        case dieBeforeLogin = "die-before-login"
        case dieAfterLogin = "die-after-login"
        /// C_Login fails before the token sees the PIN.
        case failLogin = "fail-login"
        /// The handles of the first private key that signed, and of the first public key that was read, name the private and
        /// the public key that the token finds first.
        case reuseHandles = "reuse-handles"
        /// C_GenerateKeyPair by CKM_RSA_PKCS_KEY_PAIR_GEN takes as long as this is set.
        case slowRSA = "slow-rsa"
        /// C_CopyObject makes no copies on the token.
        case refuseTokenCopies = "refuse-token-copies"
        /// CKM_RSA_PKCS_PSS is not among the mechanisms.
        case hidePSS = "hide-pss"
        /// The moduli of RSA keys are others than theirs.
        case lieAboutRSA = "lie-rsa"
        /// C_CreateObject makes keys that can be read.
        case importExtractable = "import-extractable"
        /// C_CreateObject makes other secret keys than it was given.
        case importAnother = "import-another"
        /// The process is killed, once, before a user's key comes on the token by C_CreateObject, after it came, or after its
        /// public half came.
        case dieBeforeImport = "die-before-import"
        case dieAfterImport = "die-after-import"
        case dieAfterPublicHalf = "die-after-public-half"
        /// The token allows one session.
        case oneSession = "one-session"
    }

    /// Compiles the module into `directory`.
    public init(in directory: TemporaryDirectory) throws {
        self.directory = directory
        path = directory.file("tampered.so")
        let source = try directory.write("tampered.c", Self.source)
        let flags = try run("pkg-config", ["--cflags", "p11-kit-1"]).text.split(whereSeparator: \.isWhitespace)
        let made = try run(
            "clang",
            ["-shared", "-fPIC", "-O1", "-o", path, source, "-DFOLDER=\"\(directory.path)\""] + flags.map(String.init))
        guard made.status == 0 else { throw TestFailure("clang: \(made.errors)") }
    }

    public func set(_ fault: Fault) throws { try directory.write("fault-" + fault.rawValue, "") }

    public func clear(_ fault: Fault) { unlink(directory.file("fault-" + fault.rawValue)) }

    /// How often somebody has called C_Login.
    public var logins: Int { count("logins") }

    /// How often the search for an RSA key has begun.
    public var searches: Int { count("searches") }

    /// How often C_CopyObject has made a copy.
    public var copies: Int { count("copies") }

    private func count(_ name: String) -> Int {
        (try? FileManager.default.attributesOfItem(atPath: directory.file(name))[.size] as? Int) ?? 0
    }

    private static let source = """
        #include <dlfcn.h>
        #include <fcntl.h>
        #include <signal.h>
        #include <stdlib.h>
        #include <string.h>
        #include <unistd.h>
        #include <p11-kit/pkcs11.h>

        static CK_FUNCTION_LIST real, ours;
        static int initialised;

        #define FAULT(name) (access(FOLDER "/fault-" name, F_OK) == 0)

        static CK_RV initialize(void *args)
        {
            if (++initialised > 1)
                unlink(FOLDER "/fault-fail-sign-until-init");
            if (FAULT("abort-initialise"))
                abort();
            if (FAULT("want-arguments") && !args)
                return CKR_ARGUMENTS_BAD;
            return FAULT("fail-initialise") ? CKR_GENERAL_ERROR : real.C_Initialize(args);
        }

        static void count_in(const char *path)
        {
            int file = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
            write(file, "x", 1);
            close(file);
        }

        static CK_RV copy(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, CK_ATTRIBUTE *a, unsigned long n,
                          CK_OBJECT_HANDLE *c)
        {
            for (unsigned long i = 0; i < n; i++)
                if (a[i].type == CKA_TOKEN && *(CK_BBOOL *)a[i].pValue && FAULT("refuse-token-copies"))
                    return CKR_TEMPLATE_INCONSISTENT;
            CK_RV answer = real.C_CopyObject(s, o, a, n, c);
            if (answer == CKR_OK)
                count_in(FOLDER "/copies");
            return answer;
        }

        static void die_once(const char *fault)
        {
            if (unlink(fault) == 0)
                kill(getpid(), SIGKILL);
        }

        static CK_RV create(CK_SESSION_HANDLE s, CK_ATTRIBUTE *a, unsigned long n, CK_OBJECT_HANDLE *o)
        {
            static CK_BBOOL yes = 1;
            static unsigned char other[32] = {1};
            for (unsigned long i = 0; i < n; i++) {
                if (a[i].type == CKA_EXTRACTABLE && FAULT("import-extractable"))
                    a[i].pValue = &yes;
                if (a[i].type == CKA_VALUE && a[i].ulValueLen == sizeof other && FAULT("import-another"))
                    a[i].pValue = other;
            }
            int is_users = 0;
            CK_OBJECT_CLASS class = CKO_DATA;
            for (unsigned long i = 0; i < n; i++) {
                if (a[i].type == CKA_LABEL && a[i].ulValueLen > 9 && !memcmp(a[i].pValue, "dta/user/", 9))
                    is_users = 1;
                if (a[i].type == CKA_CLASS)
                    class = *(CK_OBJECT_CLASS *)a[i].pValue;
            }
            if (is_users)
                die_once(FOLDER "/fault-die-before-import");
            CK_RV answer = real.C_CreateObject(s, a, n, o);
            if (is_users)
                die_once(class == CKO_PUBLIC_KEY ? FOLDER "/fault-die-after-public-half"
                                                 : FOLDER "/fault-die-after-import");
            return answer;
        }

        static CK_RV login(CK_SESSION_HANDLE s, CK_USER_TYPE user, unsigned char *pin, unsigned long count)
        {
            count_in(FOLDER "/logins");
            while (FAULT("hang-login"))
                usleep(10000); // pause: this module hangs
            if (FAULT("die-before-login"))
                kill(getpid(), SIGKILL);
            if (FAULT("fail-login"))
                return CKR_DEVICE_ERROR;
            CK_RV answer = real.C_Login(s, user, pin, count);
            if (FAULT("die-after-login"))
                kill(getpid(), SIGKILL);
            return answer;
        }

        static CK_RV sign(CK_SESSION_HANDLE s, unsigned char *in, unsigned long size, unsigned char *out,
                          unsigned long *count)
        {
            while (FAULT("hang"))
                usleep(10000); // pause: this module hangs
            CK_RV answer = real.C_Sign(s, in, size, out, count);
            if (FAULT("fail-sign-once")) {
                unlink(FOLDER "/fault-fail-sign-once");
                return CKR_DEVICE_ERROR;
            }
            return FAULT("fail-sign-until-init") ? CKR_DEVICE_ERROR : answer;
        }

        static CK_RV derive(CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE k, CK_ATTRIBUTE *a,
                            unsigned long n, CK_OBJECT_HANDLE *o)
        {
            return FAULT("fail-derive") ? CKR_GENERAL_ERROR : real.C_DeriveKey(s, m, k, a, n, o);
        }

        static CK_RV random_bytes(CK_SESSION_HANDLE s, unsigned char *out, unsigned long size)
        {
            if ((size == 4 && FAULT("zero-dice")) || FAULT("no-dice")) {
                memset(out, 0, size);
                return CKR_OK;
            }
            return real.C_GenerateRandom(s, out, size);
        }

        static void disobey(CK_ATTRIBUTE *a, unsigned long n)
        {
            static CK_BBOOL yes = 1;
            for (unsigned long i = 0; i < n; i++)
                if (a[i].type == CKA_EXTRACTABLE && FAULT("extractable"))
                    a[i].pValue = &yes;
        }

        // RFC 8032 7.1, test 1.
        static const unsigned char other_key[32] = {
            0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7, 0xd5, 0x4b, 0xfe, 0xd3, 0xc9, 0x64, 0x07, 0x3a,
            0x0e, 0xe1, 0x72, 0xf3, 0xda, 0xa6, 0x23, 0x25, 0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1a,
        };

        // The last byte of the curve's object identifier tells it from the others.
        static int refused(const unsigned char *p, unsigned long n)
        {
            return (n == 5 && p[4] == 0x70 && FAULT("refuse-ed25519"))
                || (n == 5 && p[4] == 0x6e && FAULT("refuse-x25519"))
                || (n == 7 && p[6] == 0x22 && FAULT("refuse-p384"))
                || (n == 7 && p[6] == 0x0a && FAULT("refuse-secp256k1"));
        }

        static CK_RV pair(CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_ATTRIBUTE *pa, unsigned long pn, CK_ATTRIBUTE *a,
                          unsigned long n, CK_OBJECT_HANDLE *p, CK_OBJECT_HANDLE *k)
        {
            disobey(a, n);
            for (unsigned long i = 0; i < pn; i++)
                if (pa[i].type == CKA_EC_PARAMS && refused(pa[i].pValue, pa[i].ulValueLen))
                    return CKR_CURVE_NOT_SUPPORTED;
            if (m->mechanism == CKM_RSA_PKCS_KEY_PAIR_GEN) {
                count_in(FOLDER "/searches");
                while (FAULT("slow-rsa"))
                    usleep(10000); // pause: this module is slow
            }
            CK_RV answer = real.C_GenerateKeyPair(s, m, pa, pn, a, n, p, k);
            if (FAULT("die-after-pair"))
                _exit(77);
            return answer;
        }

        static CK_OBJECT_HANDLE signer, shown;

        static CK_OBJECT_HANDLE named(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o)
        {
            CK_OBJECT_CLASS class = o == signer ? CKO_PRIVATE_KEY : CKO_PUBLIC_KEY;
            CK_BBOOL yes = 1;
            CK_ATTRIBUTE a[] = {{CKA_CLASS, &class, sizeof class}, {CKA_TOKEN, &yes, sizeof yes}};
            unsigned long n = 0;
            if ((o != signer && o != shown) || !FAULT("reuse-handles"))
                return o;
            real.C_FindObjectsInit(s, a, 2);
            real.C_FindObjects(s, &o, 1, &n);
            real.C_FindObjectsFinal(s);
            return o;
        }

        static CK_RV sign_init(CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE k)
        {
            if (!signer)
                signer = k;
            return real.C_SignInit(s, m, named(s, k));
        }

        static CK_RV attributes(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, CK_ATTRIBUTE *a, unsigned long n)
        {
            if (!shown && n == 1 && a[0].type == CKA_EC_POINT)
                shown = o;
            CK_RV answer = real.C_GetAttributeValue(s, named(s, o), a, n);
            for (unsigned long i = 0; i < n && answer == CKR_OK; i++)
                if (a[i].type == CKA_MODULUS && a[i].pValue && a[i].ulValueLen > 200 && FAULT("lie-rsa"))
                    ((unsigned char *)a[i].pValue)[100] ^= 1;
            for (unsigned long i = 0; i < n && answer == CKR_OK; i++) {
                if (a[i].type != CKA_EC_POINT || !a[i].pValue || (a[i].ulValueLen != 32 && a[i].ulValueLen != 34))
                    continue;
                if (FAULT("short-point"))
                    a[i].ulValueLen--;
                else if (FAULT("lie-ed25519"))
                    memcpy((unsigned char *)a[i].pValue + a[i].ulValueLen - 32, other_key, 32);
            }
            return answer;
        }

        static CK_RV encrypt_init(CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE k)
        {
            return FAULT("refuse-gcm") ? CKR_MECHANISM_INVALID : real.C_EncryptInit(s, m, k);
        }

        static CK_RV decrypt(CK_SESSION_HANDLE s, unsigned char *in, unsigned long size, unsigned char *out,
                             unsigned long *count)
        {
            static unsigned char good[64];
            static unsigned long remembered;
            CK_RV answer = real.C_Decrypt(s, in, size, out, count);
            if (!FAULT("forgive-tag"))
                return answer;
            if (answer == CKR_OK && *count <= sizeof good)
                memcpy(good, out, remembered = *count);
            else
                memcpy(out, good, *count = remembered);
            return CKR_OK;
        }

        static CK_RV token_info(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
        {
            CK_RV answer = real.C_GetTokenInfo(slot, info);
            if (answer == CKR_OK && FAULT("one-session"))
                info->ulMaxSessionCount = info->ulMaxRwSessionCount = 1;
            return answer;
        }

        static CK_RV secret(CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_ATTRIBUTE *a, unsigned long n,
                            CK_OBJECT_HANDLE *k)
        {
            disobey(a, n);
            return real.C_GenerateKey(s, m, a, n, k);
        }

        static CK_RV mechanisms(CK_SLOT_ID slot, CK_MECHANISM_TYPE *list, unsigned long *count)
        {
            CK_RV answer = real.C_GetMechanismList(slot, list, count);
            for (unsigned long i = 0; list && answer == CKR_OK && i < *count; i++)
                if ((list[i] == CKM_EC_EDWARDS_KEY_PAIR_GEN && FAULT("hide-edwards"))
                    || (list[i] == CKM_EDDSA && FAULT("hide-eddsa"))
                    || (list[i] == CKM_RSA_PKCS_PSS && FAULT("hide-pss"))
                    || (list[i] == CKM_AES_GCM && FAULT("hide-gcm")))
                    list[i] = CKM_VENDOR_DEFINED;
            return answer;
        }

        CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list)
        {
            void *library = dlopen("\(TestToken.module)", RTLD_NOW | RTLD_LOCAL);
            CK_RV (*get)(CK_FUNCTION_LIST **) = dlsym(library, "C_GetFunctionList");
            CK_FUNCTION_LIST *softhsm;
            get(&softhsm);
            real = ours = *softhsm;
            ours.C_Initialize = initialize;
            ours.C_Login = login;
            ours.C_Sign = sign;
            ours.C_SignInit = sign_init;
            ours.C_CopyObject = copy;
            ours.C_CreateObject = create;
            ours.C_DeriveKey = derive;
            ours.C_GenerateRandom = random_bytes;
            ours.C_GenerateKeyPair = pair;
            ours.C_GenerateKey = secret;
            ours.C_GetMechanismList = mechanisms;
            ours.C_GetAttributeValue = attributes;
            ours.C_EncryptInit = encrypt_init;
            ours.C_Decrypt = decrypt;
            ours.C_GetTokenInfo = token_info;
            *list = &ours;
            return CKR_OK;
        }
        """
}
