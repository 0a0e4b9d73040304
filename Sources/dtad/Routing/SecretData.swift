import DTASystem
import Foundation

extension Data {
    /// A copy of secret bytes for an answer: it is wiped with its last reference.
    init(secret bytes: [UInt8]) {
        guard !bytes.isEmpty else {
            self.init()
            return
        }
        let copy = UnsafeMutableRawPointer.allocate(byteCount: bytes.count, alignment: 16)
        bytes.withUnsafeBytes { UnsafeMutableRawBufferPointer(start: copy, count: bytes.count).copyMemory(from: $0) }
        self.init(
            bytesNoCopy: copy, count: bytes.count,
            deallocator: .custom { start, count in
                explicit_bzero(start, count)
                start.deallocate()
            })
    }
}
