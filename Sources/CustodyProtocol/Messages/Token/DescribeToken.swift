/// Describes the token and the process, for `status` and `check`.
public struct DescribeToken: CustodyMessage {
    public static let operation = CustodyOperation.describe
    public static let classes: [ObjectClass] = []
    public typealias Answer = TokenDescription

    public init() {}

    public init(from fields: inout CustodyReader) throws {}

    public func encode(to fields: inout CustodyWriter) {}

    public func answer(from fields: inout CustodyReader) throws -> TokenDescription {
        TokenDescription(
            label: try fields.string(), serial: try fields.string(), manufacturer: try fields.string(),
            model: try fields.string(), library: try fields.string(),
            keyTypes: try fields.field(atMost: 256).compactMap(KeyType.init(rawValue:)),
            maximumSessions: try fields.uint32(), pid: Int32(bitPattern: try fields.uint32()),
            uid: try fields.uint32(), memoryShortfall: try fields.string())
    }

    public func encode(_ answer: TokenDescription, to fields: inout CustodyWriter) {
        for text in [answer.label, answer.serial, answer.manufacturer, answer.model, answer.library] {
            fields.field(text)
        }
        fields.field(answer.keyTypes.map(\.rawValue))
        fields.field(answer.maximumSessions)
        fields.field(answer.pid)
        fields.field(answer.uid)
        fields.field(answer.memoryShortfall)
    }
}

/// The answer of `DescribeToken`.
public struct TokenDescription: Sendable, Equatable {
    public var label: String
    public var serial: String
    public var manufacturer: String
    public var model: String
    /// The library's description and version.
    public var library: String
    /// The key types that the token's mechanisms allow.
    public var keyTypes: [KeyType]
    /// How many sessions the token allows; 0: it does not say.
    public var maximumSessions: UInt32
    /// dtad-hsm's process and user.
    public var pid: Int32
    public var uid: UInt32
    /// Which protection of memory was refused; "" if none was.
    public var memoryShortfall: String

    public init(
        label: String, serial: String, manufacturer: String, model: String, library: String, keyTypes: [KeyType],
        maximumSessions: UInt32, pid: Int32, uid: UInt32, memoryShortfall: String
    ) {
        self.label = label
        self.serial = serial
        self.manufacturer = manufacturer
        self.model = model
        self.library = library
        self.keyTypes = keyTypes
        self.maximumSessions = maximumSessions
        self.pid = pid
        self.uid = uid
        self.memoryShortfall = memoryShortfall
    }
}
