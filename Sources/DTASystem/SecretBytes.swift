import CLinux
import Glibc

/// Secret bytes: in pages of their own that are locked in memory and left out of dumps, zeroed when the last reference
/// goes. It has no description, is not `Codable`, and compares in constant time.
///
/// The pages come from memfd_secret(2), which even the kernel does not map, if there is one and the process may use
/// it; else from mmap(2) with mlock(2) and MADV_DONTDUMP. Each value costs at least a page: keep them few.
public final class SecretBytes: @unchecked Sendable {
    // Sendable: the bytes are written only in initialisers, before other code can have the reference.
    private let base: UnsafeMutableRawPointer
    private let mapped: Int
    public let count: Int

    /// How the memory of the last secret was protected; "" if nothing was refused.
    public static let protectionShortfall = Locked<String>("")

    /// Makes `count` bytes and lets `fill` write them.
    public init(count: Int, fill: (UnsafeMutableRawBufferPointer) throws -> Void) throws {
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        self.count = count
        mapped = max(1, (count + page - 1) / page) * page
        base = try unsafe SecretBytes.map(mapped)
        // A throwing initialiser of a class runs deinit only once all is set: it is, so the pages are freed either way.
        try unsafe fill(UnsafeMutableRawBufferPointer(start: base, count: count))
    }

    /// Takes a copy of `bytes`. What they came from is the caller's to wipe.
    public convenience init(copying bytes: Span<UInt8>) throws {
        try self.init(count: bytes.count) { target in
            bytes.withUnsafeBytes { target.copyMemory(from: $0) }
        }
    }

    deinit {
        unsafe explicit_bzero(base, mapped)
        unsafe munmap(base, mapped)
    }

    private static func map(_ size: Int) throws -> UnsafeMutableRawPointer {
        let secret = clinux_memfd_secret()
        if secret >= 0 {
            defer { close(secret) }
            if ftruncate(secret, size) == 0,
                let pages = unsafe mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, secret, 0),
                unsafe pages != MAP_FAILED
            {
                return unsafe pages
            }
        }
        guard let pages = unsafe mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
            unsafe pages != MAP_FAILED
        else { throw SystemCallError("mmap", errno: errno) }
        if unsafe mlock(pages, size) != 0 {
            let why = "mlock: \(errorText(errno)): secrets could be swapped out"
            protectionShortfall.withLock { $0 = why }
        }
        unsafe madvise(pages, size, MADV_DONTDUMP)
        return unsafe pages
    }

    public func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try unsafe body(UnsafeRawBufferPointer(start: base, count: count))
    }

    /// Compares in a time that depends only on the lengths.
    public static func == (one: SecretBytes, other: SecretBytes) -> Bool {
        guard one.count == other.count else { return false }
        return unsafe one.withUnsafeBytes { a in
            unsafe other.withUnsafeBytes { b in
                var difference: UInt8 = 0
                for index in 0..<a.count { difference |= unsafe a[index] ^ b[index] }
                return difference == 0
            }
        }
    }
}
