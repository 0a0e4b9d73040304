import Foundation

/// How much of dtad's audit log is on the disk because a request had to wait for that. dtad is as it is shipped; a library
/// between it and the kernel notes each fdatasync(2) of the log, and holds the thread that syncs it every second.
public final class SyncedBytes: Sendable {
    /// For `TestAgent.start`.
    public let environment: [String: String]
    private let noted: String

    /// Compiles the library into `directory`.
    public init(in directory: TemporaryDirectory) throws {
        noted = try directory.write("synced", [UInt8](repeating: 0, count: 16))
        let library = directory.file("synced.so")
        let source = try directory.write("synced.c", Self.source)
        let made = try run("clang", ["-shared", "-fPIC", "-O1", "-o", library, source])
        guard made.status == 0 else { throw TestFailure("clang: \(made.errors)") }
        environment = ["LD_PRELOAD": library, "SYNCED_BYTES": noted]
    }

    /// Whether all that a file of the log has is on the disk.
    public func isWhole(_ path: String) throws -> Bool {
        var file = stat()
        guard stat(path, &file) == 0 else { throw TestFailure("\(path): \(errno)") }
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: noted)))
        func number(_ range: Range<Int>) -> UInt64 { bytes[range].reversed().reduce(0) { $0 << 8 | UInt64($1) } }
        return number(0..<8) == file.st_ino && number(8..<16) >= UInt64(file.st_size)
    }

    private static let source = """
        #define _GNU_SOURCE
        #include <fcntl.h>
        #include <stdint.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        #include <sys/mman.h>
        #include <sys/prctl.h>
        #include <sys/stat.h>
        #include <sys/syscall.h>
        #include <time.h>
        #include <unistd.h>

        /* The file that was synced last, and its size then. */
        static volatile uint64_t *noted;

        __attribute__((constructor)) static void begin(void)
        {
            const char *path = getenv("SYNCED_BYTES");
            if (path == NULL)
                return;
            int file = open(path, O_RDWR | O_CLOEXEC);
            void *page = mmap(NULL, 16, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
            close(file);
            if (page != MAP_FAILED)
                noted = page;
        }

        int fdatasync(int f)
        {
            char link[64], path[4096];
            struct stat file;
            snprintf(link, sizeof link, "/proc/self/fd/%d", f);
            ssize_t length = readlink(link, path, sizeof path - 1);
            path[length < 0 ? 0 : length] = 0;
            fstat(f, &file);
            int result = (int)syscall(SYS_fdatasync, f);
            if (noted != NULL && result == 0 && strstr(path, "/audit/audit-") != NULL) {
                noted[0] = file.st_ino;
                noted[1] = (uint64_t)file.st_size;
            }
            return result;
        }

        unsigned sleep(unsigned seconds) // pause: the one that dtad calls
        {
            char name[16] = "";
            prctl(PR_GET_NAME, name);
            while (strcmp(name, "audit-sync") == 0)
                pause();
            struct timespec time = {.tv_sec = seconds};
            return nanosleep(&time, NULL) == 0 ? 0 : 1; // pause: the one that dtad calls
        }

        """
}
