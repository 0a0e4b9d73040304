import CLinux
import DTASystem
import Glibc

/// A random PIN: characters of 6 random bits each.
enum RandomPIN {
    static let length = 32
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    static func make(length: Int = length) throws -> SecretBytes {
        try SecretBytes(count: length) { target in
            guard getrandom(target.baseAddress, target.count, 0) == target.count else {
                throw SystemCallError("getrandom", errno: errno)
            }
            for index in target.indices { target[index] = alphabet[Int(target[index] & 63)] }
        }
    }
}
