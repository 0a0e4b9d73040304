import CLinux
import DTASystem
import Glibc

/// The Landlock rules for a program that runs as our own user: it may read and run the system's programs and the files
/// of its own directory, and change nothing. Without them it could read all files of our user.
public enum PluginFileRules {
    /// What the kernel lacks, as a sentence; nil if nothing.
    public static let shortfall: String? = {
        let version = clinux_landlock_version()
        guard version < 1 else { return nil }
        return "Landlock: \(errorText(errno)): plugins with run: own_user can read all that dtad's user can"
    }()

    static let programs = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"]
    /// The files that C libraries and interpreters read when they start.
    static let files = [
        "/etc/ld.so.cache", "/etc/ld.so.preload", "/etc/alternatives", "/etc/localtime", "/etc/timezone", "/etc/passwd",
        "/etc/group", "/etc/nsswitch.conf", "/etc/ssl", "/etc/locale.alias", "/etc/python3", "/etc/perl", "/proc",
        "/sys/devices/system/cpu", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom",
    ]

    /// The rules for a program, to be applied to its process.
    /// - Returns: nil if the kernel has none.
    /// - Throws: `SystemCallError` if it refuses them.
    static func make(for program: String) throws -> Descriptor? {
        guard shortfall == nil else { return nil }
        let rules = Descriptor(owning: try systemCall("landlock_create_ruleset") { clinux_landlock_ruleset() })
        let folder = program.lastIndex(of: "/").map { String(program[..<$0]) } ?? "."
        try allow(folder, CLINUX_READ | CLINUX_EXECUTE, rules, mustBe: true)
        for path in programs { try allow(path, CLINUX_READ | CLINUX_EXECUTE, rules) }
        for path in files { try allow(path, CLINUX_READ, rules) }
        try allow("/dev/null", CLINUX_READ | CLINUX_WRITE, rules)
        return rules
    }

    private static func allow(_ path: String, _ what: Int, _ rules: Descriptor, mustBe: Bool = false) throws {
        guard unsafe clinux_landlock_allow(rules.number, path, Int32(what)) != 0 else { return }
        let code = errno
        // A file that is missing or not visible need not be permitted.
        if !mustBe, [ENOENT, EACCES, ENOTDIR].contains(code) { return }
        throw SystemCallError("landlock_add_rule(\(path))", errno: code)
    }
}
