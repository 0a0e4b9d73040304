import Glibc

/// How many tasks the own user has on this host: RLIMIT_NPROC counts all of them, not those of one program.
enum UserTasks {
    static func count() -> Int {
        guard let directory = unsafe opendir("/proc") else { return 0 }
        defer { unsafe closedir(directory) }
        var total = 0
        while let entry = unsafe readdir(directory) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            guard let first = name.utf8.first, (UInt8(ascii: "1")...UInt8(ascii: "9")).contains(first) else { continue }
            var status = stat()
            // A process' folder has a link for each of its tasks, beside its own two.
            guard unsafe stat("/proc/\(name)/task", &status) == 0, status.st_uid == geteuid() else { continue }
            total += max(1, Int(status.st_nlink) - 2)
        }
        return total
    }
}
