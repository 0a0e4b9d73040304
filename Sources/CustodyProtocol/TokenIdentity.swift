import DTASystem

/// What tells one token from every other: the number that its maker gave it, and its *landmark*, which follows from the
/// key `dta/seal/1`. Another token can have the same label and PIN, but not that key.
public struct TokenIdentity: Sendable, Equatable {
    public static let landmarkSize = 16

    public var serial: String
    /// 16 bytes, not secret.
    public var landmark: [UInt8]

    public init(serial: String, landmark: [UInt8]) {
        self.serial = serial
        self.landmark = landmark
    }

    /// As people read it, and as `hsm.landmark` takes it: 32 hexadecimal digits.
    public var landmarkText: String { TokenIdentity.text(landmark) }

    public static func text(_ landmark: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: landmark.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}
