/// As `ResealOrder`, of what `SealOrderState` gave.
public struct ResealOrderState: ResealMessage {
    public static let operation = CustodyOperation.resealOrderState
    public static let classes: [ObjectClass] = [.epoch]
    public typealias Answer = [UInt8]
    public static let sealedLimit = SealedSize.pluginState + SealedSize.overhead

    public let request: ResealRequest

    public init(_ request: ResealRequest) { self.request = request }
}
