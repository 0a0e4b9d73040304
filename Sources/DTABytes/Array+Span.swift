extension Array where Element == UInt8 {
    /// A copy of what was lent. It is for what is no secret, or not any more: it is not wiped.
    public init(copying bytes: Span<UInt8>) {
        self = unsafe bytes.withUnsafeBufferPointer { unsafe Array($0) }
    }
}
