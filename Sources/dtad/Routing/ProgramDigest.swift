import Crypto
import DTASystem
import Glibc

/// The SHA-256 of a running program's file. Only asked for where a grant names one: it reads the whole file.
enum ProgramDigest {
    /// - Returns: hexadecimal; nil where this process may not see the program of `pid`.
    static func of(pid: Int32) -> String? {
        let number = open("/proc/\(pid)/exe", O_RDONLY | O_CLOEXEC)
        guard number >= 0 else { return nil }
        let file = Descriptor(owning: number)
        var hash = SHA256()
        var buffer = [UInt8](repeating: 0, count: 1 << 18)
        while true {
            let count = buffer.withUnsafeMutableBytes { read(file.number, $0.baseAddress!, $0.count) }
            if count == 0 { break }
            if count < 0 {
                if errno == EINTR { continue }
                return nil
            }
            hash.update(data: buffer[..<count])
        }
        return hash.finalize().map { $0 < 16 ? "0" + String($0, radix: 16) : String($0, radix: 16) }.joined()
    }
}
