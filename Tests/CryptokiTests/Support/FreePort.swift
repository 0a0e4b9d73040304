import DTASystem
import Foundation
import TestSupport

enum FreePort {
    /// A TCP port of 127.0.0.1 on which nothing listened a moment ago.
    static func any() throws -> Int {
        let socket = Descriptor(owning: Foundation.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        return try withUnsafeMutablePointer(to: &address) { pointer in
            try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                guard bind(socket.number, $0, size) == 0, getsockname(socket.number, $0, &size) == 0 else {
                    throw TestFailure("no port: \(errno)")
                }
            }
            return Int(UInt16(bigEndian: pointer.pointee.sin_port))
        }
    }
}
