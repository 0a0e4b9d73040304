/// Seals an order's secret again under another epoch's key. What it is sealed for stays the same.
public struct ResealOrder: ResealMessage {
    public static let operation = CustodyOperation.resealOrder
    public static let classes: [ObjectClass] = [.epoch]
    public typealias Answer = [UInt8]
    public static let sealedLimit = SealedSize.orderLimit

    public let request: ResealRequest

    public init(_ request: ResealRequest) { self.request = request }
}
