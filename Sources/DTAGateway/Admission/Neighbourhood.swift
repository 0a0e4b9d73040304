import Glibc

/// The subscriber that an address stands for. One has a whole /64 of IPv6 addresses at least (RFC 6177) and may use
/// another for every request: they are counted as one.
enum Neighbourhood {
    /// - Parameter address: as the kernel writes it; "" for a Unix socket.
    static func of(_ address: String) -> String {
        // A link-local address has its interface behind it.
        let plain = address.prefix { $0 != "%" }
        var bytes = [UInt8](repeating: 0, count: 16)
        guard plain.contains(":"), inet_pton(AF_INET6, String(plain), &bytes) == 1 else { return address }
        // IPv4 in IPv6's clothes (RFC 4291 §2.5.5.2), as a socket for both has it.
        if bytes[..<10].allSatisfy({ $0 == 0 }), bytes[10] == 0xff, bytes[11] == 0xff {
            return bytes[12...].map(String.init).joined(separator: ".")
        }
        return bytes[..<8].map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined() + "/64"
    }
}
