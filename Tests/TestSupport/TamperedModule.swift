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

    /// How often C_CopyObject has made a copy.
    public var copies: Int { count("copies") }

    private func count(_ name: String) -> Int {
        (try? FileManager.default.attributesOfItem(atPath: directory.file(name))[.size] as? Int) ?? 0
    }

    private static let source = """
        #include <dlfcn.h>
        #include <fcntl.h>
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
            return real.C_Initialize(args);
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
            CK_RV answer = real.C_CopyObject(s, o, a, n, c);
            if (answer == CKR_OK)
                count_in(FOLDER "/copies");
            return answer;
        }

        static CK_RV login(CK_SESSION_HANDLE s, CK_USER_TYPE user, unsigned char *pin, unsigned long count)
        {
            count_in(FOLDER "/logins");
            return real.C_Login(s, user, pin, count);
        }

        static CK_RV sign(CK_SESSION_HANDLE s, unsigned char *in, unsigned long size, unsigned char *out,
                          unsigned long *count)
        {
            while (FAULT("hang"))
                usleep(10000);
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
            if (size == 4 && FAULT("zero-dice")) {
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

        static CK_RV pair(CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_ATTRIBUTE *pa, unsigned long pn, CK_ATTRIBUTE *a,
                          unsigned long n, CK_OBJECT_HANDLE *p, CK_OBJECT_HANDLE *k)
        {
            disobey(a, n);
            return real.C_GenerateKeyPair(s, m, pa, pn, a, n, p, k);
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
                    || (list[i] == CKM_EDDSA && FAULT("hide-eddsa")))
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
            ours.C_CopyObject = copy;
            ours.C_DeriveKey = derive;
            ours.C_GenerateRandom = random_bytes;
            ours.C_GenerateKeyPair = pair;
            ours.C_GenerateKey = secret;
            ours.C_GetMechanismList = mechanisms;
            *list = &ours;
            return CKR_OK;
        }
        """
}
