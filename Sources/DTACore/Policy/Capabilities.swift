import Foundation

/// What the kernel permits this process beyond its user's rights (capabilities(7)).
package enum Capabilities {
    /// CAP_SYS_PTRACE; without it this process cannot see another user's program.
    package static var canSeePrograms: Bool { effective & 1 << 19 != 0 }

    private static var effective: UInt64 {
        guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8) else { return 0 }
        let prefix = "CapEff:"
        guard let line = status.split(separator: "\n").first(where: { $0.hasPrefix(prefix) }) else { return 0 }
        return UInt64(line.dropFirst(prefix.count).filter { !$0.isWhitespace }, radix: 16) ?? 0
    }
}
