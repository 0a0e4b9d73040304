import Foundation

/// Kills dtad with SIGKILL at the n-th system call by which it writes anything: to its database, its log, its token's
/// processes, a client. dtad is as it is shipped; a library between it and the kernel counts.
public final class DeadlyWrites: Sendable {
    /// For `TestAgent.start`.
    public let environment: [String: String]
    private let counter: String

    /// Compiles the library into `directory`.
    public init(in directory: TemporaryDirectory) throws {
        counter = try directory.write("writes", [UInt8](repeating: 0, count: 4))
        let library = directory.file("deadly.so")
        let source = try directory.write("deadly.c", Self.source)
        let made = try run("clang", ["-shared", "-fPIC", "-O1", "-o", library, source])
        guard made.status == 0 else { throw TestFailure("clang: \(made.errors)") }
        environment = ["LD_PRELOAD": library, "DEADLY_WRITES": counter]
    }

    /// How many writes are left, the deadly one among them; 0: none is deadly, or it was done.
    public var left: Int32 {
        get throws {
            let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: counter)))
            return bytes.reversed().reduce(0) { $0 << 8 | Int32($1) }
        }
    }

    public func set(_ count: Int32) throws {
        // In place: the library has the file mapped.
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: counter))
        try file.write(contentsOf: withUnsafeBytes(of: count.littleEndian) { Data($0) })
        try file.close()
    }

    private static let source = """
        #define _GNU_SOURCE
        #include <fcntl.h>
        #include <signal.h>
        #include <stdatomic.h>
        #include <stdlib.h>
        #include <string.h>
        #include <sys/mman.h>
        #include <sys/socket.h>
        #include <sys/syscall.h>
        #include <sys/uio.h>
        #include <unistd.h>

        static _Atomic int *left;

        __attribute__((constructor)) static void begin(void)
        {
            char self[4096];
            const char *path = getenv("DEADLY_WRITES");
            ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
            if (path == NULL || length < 0)
                return;
            self[length] = 0;
            /* dtad's children have the same environment. */
            if (strcmp(strrchr(self, '/'), "/dtad") != 0)
                return;
            int file = open(path, O_RDWR | O_CLOEXEC);
            void *page = mmap(NULL, sizeof *left, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
            close(file);
            if (page != MAP_FAILED)
                left = page;
        }

        static void count(void)
        {
            if (left == NULL || atomic_load(left) <= 0)
                return;
            if (atomic_fetch_sub(left, 1) == 1)
                kill(getpid(), SIGKILL);
        }

        #define COUNTED(type, name, parameters, number, ...) \\
            type name parameters { count(); return (type)syscall(number, __VA_ARGS__); }

        COUNTED(ssize_t, write, (int f, const void *b, size_t n), SYS_write, f, b, n)
        COUNTED(ssize_t, writev, (int f, const struct iovec *v, int n), SYS_writev, f, v, n)
        COUNTED(ssize_t, pwrite, (int f, const void *b, size_t n, off_t o), SYS_pwrite64, f, b, n, o)
        COUNTED(ssize_t, pwrite64, (int f, const void *b, size_t n, off64_t o), SYS_pwrite64, f, b, n, o)
        COUNTED(ssize_t, send, (int f, const void *b, size_t n, int o), SYS_sendto, f, b, n, o, NULL, 0)
        COUNTED(ssize_t, sendmsg, (int f, const struct msghdr *m, int o), SYS_sendmsg, f, m, o)
        COUNTED(int, fsync, (int f), SYS_fsync, f)
        COUNTED(int, fdatasync, (int f), SYS_fdatasync, f)
        COUNTED(int, ftruncate, (int f, off_t n), SYS_ftruncate, f, n)
        COUNTED(int, ftruncate64, (int f, off64_t n), SYS_ftruncate, f, n)

        """
}
