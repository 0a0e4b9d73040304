import Crypto
import DTABytes
import FoundationEssentials

extension Secret {
    /// The bytes of a key.
    init(_ key: SymmetricKey) {
        unsafe self.init(count: key.bitCount / 8) { room in
            unsafe key.withUnsafeBytes { unsafe room.copyMemory(from: $0) }
        }
    }

    /// Takes a copy of what a library gives, and overwrites it where it lies, if there is no other reference to it.
    public init(taking bytes: inout Data) {
        self.init(copying: bytes.span)
        bytes.resetBytes(in: bytes.startIndex..<bytes.endIndex)
        bytes = Data()
    }
}
