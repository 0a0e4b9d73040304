import DTABytes
import Foundation

extension Data {
    /// A copy of secret bytes for an answer: it is wiped when its last owner lets it go.
    init(secret: SecretReference) {
        guard secret.count > 0 else {
            self.init()
            return
        }
        let copy = UnsafeMutableRawPointer.allocate(byteCount: secret.count, alignment: 16)
        secret.withUnsafeBytes { UnsafeMutableRawBufferPointer(start: copy, count: $0.count).copyMemory(from: $0) }
        self.init(
            bytesNoCopy: copy, count: secret.count,
            deallocator: .custom { start, count in
                explicit_bzero(start, count)
                start.deallocate()
            })
    }
}
