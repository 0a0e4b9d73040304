import Crypto
import DTABytes

/// One line of the audit log, as far as its chain needs it. Records are written in one way only (docs/audit.md), so its
/// fields are at fixed places: the number first, the hash of the line before last.
public struct AuditLine: Sendable, Equatable {
    /// The record's number.
    public let number: UInt64
    /// SHA-256 of the line before, in hexadecimal; 64 zeros in the first record of all.
    public let previous: String
    /// The checkpoint; nil in all other records.
    public let checkpoint: AuditCheckpoint?
    /// The event of the log itself; nil in all other records.
    public let event: String?
    /// The number of the database's last change, in a record that has it.
    public let change: UInt64?

    /// The predecessor's hash in the first record of all.
    public static let origin = String(repeating: "0", count: 64)

    /// The highest number that a record may have.
    public static let highestNumber = UInt64(Int64.max)

    /// Reads a line without its line end.
    /// - Returns: nil if it is no record.
    public init?(_ line: [UInt8]) {
        let line = line[...]
        guard let number = AuditLine.number(of: line) else { return nil }
        let ending = line.suffix(AuditLine.endingCount)
        guard ending.count == AuditLine.endingCount, ending.starts(with: AuditLine.beforeHash),
            ending.suffix(AuditLine.afterHash.count).elementsEqual(AuditLine.afterHash)
        else { return nil }
        let hash = ending.dropFirst(AuditLine.beforeHash.count).prefix(64)
        guard hash.allSatisfy(isLowerHex) else { return nil }
        self.number = number
        previous = String(decoding: hash, as: UTF8.self)
        checkpoint = AuditCheckpoint(line)
        event = AuditLine.event(line)
        change = AuditLine.change(line.dropLast(AuditLine.endingCount))
    }

    /// It is right after the time. Anywhere else it is a client's text.
    private static func event(_ line: ArraySlice<UInt8>) -> String? {
        var rest = AuditFields(line)
        guard rest.take(#"{"n":"#), rest.number() != nil, rest.take(#","time":""#), rest.skipText(),
            rest.take(#","event":""#)
        else { return nil }
        return rest.text()
    }

    /// It is the last field but one. A client's text ends with a quote, so no such text is taken for it.
    private static func change(_ line: ArraySlice<UInt8>) -> UInt64? {
        let digits = line.suffix(20).reversed().prefix { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }.count
        guard digits > 0, line.dropLast(digits).suffix(beforeChange.count).elementsEqual(beforeChange) else {
            return nil
        }
        return UInt64(String(decoding: line.suffix(digits), as: UTF8.self))
    }

    private static let beforeChange = Array(#","change":"#.utf8)

    private static let beforeHash = Array(#","prev":""#.utf8)
    private static let afterHash = Array(#""}"#.utf8)
    private static var endingCount: Int { beforeHash.count + 64 + afterHash.count }

    /// The number at the start of a line; nil if there is none. It looks at the first bytes alone.
    public static func number(of line: [UInt8]) -> UInt64? { number(of: line[...]) }

    /// The same with a part of a file.
    public static func number(of line: ArraySlice<UInt8>) -> UInt64? {
        var rest = AuditFields(line)
        return rest.take(#"{"n":"#) ? rest.number() : nil
    }

    /// The hash by which the next record names this line.
    public static func hash(of line: [UInt8]) -> String { Hexadecimal.encode(SHA256.hash(data: line)) }
}

/// A checkpoint, by which the agent signed that record `number` has the line hash `hash`, and so all records before it.
public struct AuditCheckpoint: Sendable, Equatable {
    public let number: UInt64
    /// 64 hexadecimal digits.
    public let hash: String
    /// The CID of the agent's identity.
    public let identity: String
    /// Base64.
    public let signature: String

    public init(number: UInt64, hash: String, identity: String, signature: String) {
        self.number = number
        self.hash = hash
        self.identity = identity
        self.signature = signature
    }

    /// `"checkpoint":{…}` as it is in a record.
    public var json: String {
        #""checkpoint":{"n":\#(number),"hash":"\#(hash)","identity":"\#(identity)","signature":"\#(signature)"}"#
    }

    /// Reads it from its place in a record, right after the time. Anywhere else it is a client's text.
    init?(_ line: ArraySlice<UInt8>) {
        var rest = AuditFields(line)
        guard rest.take(#"{"n":"#), rest.number() != nil, rest.take(#","time":""#), rest.skipText(),
            rest.take(#","checkpoint":{"n":"#), let number = rest.number(), rest.take(#","hash":""#),
            let hash = rest.text(), rest.take(#","identity":""#), let identity = rest.text(),
            rest.take(#","signature":""#), let signature = rest.text(), rest.take(#"},"prev":""#)
        else { return nil }
        self.init(number: number, hash: hash, identity: identity, signature: signature)
    }
}

func isLowerHex(_ byte: UInt8) -> Bool {
    UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte || UInt8(ascii: "a")...UInt8(ascii: "f") ~= byte
}
