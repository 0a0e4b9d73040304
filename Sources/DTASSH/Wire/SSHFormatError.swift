/// Why bytes are not what SSH's formats want. The sentence never holds text that came from the bytes.
public struct SSHFormatError: Error, Sendable, Equatable, CustomStringConvertible {
    public let reason: String

    public init(_ reason: String) { self.reason = reason }

    public var description: String { reason }
}
