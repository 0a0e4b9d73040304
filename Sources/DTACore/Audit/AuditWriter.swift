import DTABytes
import DTAFormats
import DTASystem

/// Writes records as lines of JSON into one buffer that is used again: no allocation for each record.
struct AuditWriter {
    /// The line in progress.
    private(set) var bytes: [UInt8] = []
    /// RFC 3339 up to the second, and the second for which it is valid.
    private var timePrefix: [UInt8] = []
    private var timeSecond = Int64.min
    /// Whether the line is a checkpoint, which has its own form.
    private(set) var isCheckpoint = false

    init() { bytes.reserveCapacity(4096) }

    mutating func begin(number: UInt64, microseconds: Int64) {
        bytes.removeAll(keepingCapacity: true)
        isCheckpoint = false
        literal(#"{"n":"#)
        decimal(number)
        literal(#","time":""#)
        time(microseconds)
        literal("\"")
    }

    mutating func record(_ record: AuditRecord) {
        owner(record.caller)
        field(#","pid":"#, UInt64(UInt32(bitPattern: record.caller.pid)))
        if let executable = record.caller.executable {
            field(#","exe":"#, executable, limit: 1024, oddLimit: 256)
        }
        if let unit = record.caller.unit { field(#","unit":"#, unit) }
        field(#","op":"#, record.operation)
        field(#","subject":"#, record.subject)
        if !record.detail.text.isEmpty { field(#","detail":"#, record.detail.text, limit: 512) }
        field(#","result":"#, record.result)
        field(#","us":"#, record.microseconds)
        if record.count > 1 { field(#","count":"#, record.count) }
    }

    /// How many bytes a record's line takes, with its line end, to within a few digits.
    mutating func size(of record: AuditRecord) -> Int {
        begin(number: 1_000_000, microseconds: 0)
        self.record(record)
        return sizeWithEnding
    }

    /// The size of the line once it is ended.
    var sizeWithEnding: Int { bytes.count + AuditWriter.endingCount }

    /// `,"prev":"…"}` and the line end.
    private static let endingCount = 9 + 64 + 2 + 1

    private mutating func owner(_ caller: Caller) {
        field(#","uid":"#, UInt64(caller.uid))
        field(#","user":"#, caller.userName)
    }

    /// `,"uid":N,"user":"NAME",`: the text after the time in every record of a caller.
    static func owner(_ caller: Caller) -> [UInt8] {
        var writer = AuditWriter()
        writer.owner(caller)
        writer.literal(",")
        return writer.bytes
    }

    /// The length of `,"time":"2026-01-02T03:04:05.000006Z"`.
    static let timeFieldCount = 37

    /// An event of the log itself.
    mutating func event(_ text: String) { field(#","event":"#, text, limit: 1024, oddLimit: 1024) }

    /// The number of the database's last change, as the last field before `prev`.
    mutating func change(_ number: UInt64) { field(#","change":"#, number) }

    mutating func checkpoint(_ json: String) {
        isCheckpoint = true
        literal(",")
        bytes.append(contentsOf: json.utf8)
    }

    /// - Parameter previous: 64 hexadecimal digits.
    mutating func end(previous: [UInt8]) {
        literal(#","prev":""#)
        bytes.append(contentsOf: previous)
        literal(#""}"#)
    }

    mutating func endLine() { bytes.append(UInt8(ascii: "\n")) }

    private mutating func field(_ name: StaticString, _ value: UInt64) {
        literal(name)
        decimal(value)
    }

    /// - Parameters: `limit`: bytes of plain text; `oddLimit`: the smaller limit in bytes for other characters.
    private mutating func field(_ name: StaticString, _ value: String, limit: Int = 256, oddLimit: Int = 96) {
        literal(name)
        bytes.append(UInt8(ascii: "\""))
        string(value, limit: limit, oddLimit: oddLimit)
        bytes.append(UInt8(ascii: "\""))
    }

    @inline(__always)
    private mutating func literal(_ text: StaticString) {
        text.withUTF8Buffer { unsafe bytes.append(contentsOf: $0) }
    }

    /// JSON's escapes (RFC 8259 §7) for quotes, backslashes and hostile characters, because people read logs on
    /// terminals.
    ///
    /// Characters that no name has get a tighter limit, measured as written: one byte of a client can become six.
    private mutating func string(_ text: String, limit: Int, oddLimit: Int) {
        if plain(text, limit: limit) { return }
        let start = bytes.count
        for scalar in text.unicodeScalars {
            let value = scalar.value
            if value < 0x7f, AuditWriter.isPlain(UInt8(truncatingIfNeeded: value)) {
                guard bytes.count - start < limit else { return ellipsis() }
                bytes.append(UInt8(truncatingIfNeeded: value))
                continue
            }
            let before = bytes.count
            switch value {
            case 0x22, 0x5c:
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(UInt8(truncatingIfNeeded: value))
            case _ where ForeignText.isHostile(scalar):
                for unit in String(scalar).utf16 { escape(unit) }
            default: bytes.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
            }
            guard bytes.count - start <= oddLimit else {
                bytes.removeLast(bytes.count - before)
                return ellipsis()
            }
        }
    }

    /// Writes a text in one piece, if nothing in it needs more care, as in nearly all records.
    private mutating func plain(_ text: String, limit: Int) -> Bool {
        let isWritten = unsafe text.utf8.withContiguousStorageIfAvailable { text in
            guard text.count <= limit, unsafe text.allSatisfy(AuditWriter.isPlain) else { return false }
            unsafe bytes.append(contentsOf: text)
            return true
        }
        return isWritten ?? false
    }

    /// Whether a byte is a printable ASCII character that JSON does not escape.
    private static func isPlain(_ byte: UInt8) -> Bool {
        0x20..<0x7f ~= byte && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
    }

    private mutating func ellipsis() { bytes.append(contentsOf: "…".utf8) }

    private mutating func escape(_ unit: UInt16) {
        literal("\\u")
        for shift in [12, 8, 4, 0] { bytes.append(Hexadecimal.digit(UInt8(truncatingIfNeeded: unit >> UInt16(shift)))) }
    }

    private mutating func decimal(_ value: UInt64) {
        let mostDigits = 20
        unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: mostDigits) { digits in
            var first = mostDigits
            var rest = value
            repeat {
                first -= 1
                unsafe digits[first] = UInt8(ascii: "0") + UInt8(rest % 10)
                rest /= 10
            } while rest > 0
            unsafe bytes.append(contentsOf: UnsafeBufferPointer(rebasing: digits[first...]))
        }
    }

    private mutating func padded(_ value: Int64, _ width: Int) {
        var divisor: Int64 = 1
        for _ in 1..<width { divisor *= 10 }
        while divisor > 0 {
            bytes.append(UInt8(ascii: "0") + UInt8(value / divisor % 10))
            divisor /= 10
        }
    }

    private mutating func time(_ microseconds: Int64) {
        let second = microseconds / 1_000_000
        if second == timeSecond {
            bytes.append(contentsOf: timePrefix)
        } else {
            let start = bytes.count
            seconds(second)
            timePrefix = Array(bytes[start...])
            timeSecond = second
        }
        padded(microseconds % 1_000_000, 6)
        literal("Z")
    }

    private mutating func seconds(_ second: Int64) {
        let date = CivilDate(daysSince1970: second / 86_400)
        let inDay = second % 86_400
        padded(date.year, 4)
        literal("-")
        padded(date.month, 2)
        literal("-")
        padded(date.day, 2)
        literal("T")
        padded(inDay / 3600, 2)
        literal(":")
        padded(inDay / 60 % 60, 2)
        literal(":")
        padded(inDay % 60, 2)
        literal(".")
    }
}
