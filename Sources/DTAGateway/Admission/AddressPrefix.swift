import DTABytes
import Glibc

/// The prefix by which addresses are counted. A subscriber has at least a /64 of IPv6 addresses (RFC 6177) and may use
/// another one for every request: these count as one.
enum AddressPrefix {
    /// - Parameter address: as the kernel writes it; "" for a Unix socket.
    static func of(_ address: String) -> String {
        // A link-local address ends with its interface.
        let plain = address.prefix { $0 != "%" }
        var bytes = [UInt8](repeating: 0, count: 16)
        guard plain.contains(":"), inet_pton(AF_INET6, String(plain), &bytes) == 1 else { return address }
        // An IPv4-mapped IPv6 address (RFC 4291 §2.5.5.2), as a socket for both has.
        if bytes[..<10].allSatisfy({ $0 == 0 }), bytes[10] == 0xff, bytes[11] == 0xff {
            return bytes[12...].map(String.init).joined(separator: ".")
        }
        return Hexadecimal.encode(bytes[..<8]) + "/64"
    }
}
