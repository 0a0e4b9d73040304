import DTABytes
import DTASystem

/// Lists the epochs whose keys are on the token.
public struct ListEpochs: CustodyMessage {
    public static let operation = CustodyOperation.epochs
    public static let classes: [ObjectClass] = [.epoch]
    public typealias Answer = Set<UInt32>

    public init() {}

    public init(from fields: inout CustodyReader) throws {}

    public func encode(to fields: inout CustodyWriter) {}

    public func answer(from fields: inout CustodyReader) throws -> Set<UInt32> {
        let bytes = try fields.field()
        guard bytes.count.isMultiple(of: 4) else {
            throw DTAError(.invalidArgument, "numbers of epochs have 4 bytes each")
        }
        return Set(
            stride(from: 0, to: bytes.count, by: 4).map { at in
                UInt32(bigEndianBytes: bytes[at..<at + 4])
            })
    }

    /// - Throws: `DTAError.resourceExhausted` if they do not fit into one message.
    public func encode(_ answer: Set<UInt32>, to fields: inout CustodyWriter) throws {
        guard answer.count * 4 <= CustodyFrame.limit - 64 else {
            throw DTAError(.resourceExhausted, "the token holds keys of \(answer.count) epochs, too many at once")
        }
        fields.field(answer.sorted().flatMap { number in [24, 16, 8, 0].map { UInt8(number >> $0 & 255) } })
    }
}
