import DTABytes

/// The 512 bytes before a file in a tar archive (POSIX.1-2017, pax(1), "ustar Interchange Format"), in the one form
/// that backups use: a regular file, mode 0600, without an owner.
struct TarHeader: Equatable {
    static let size = 512
    /// A file is padded to a multiple of this.
    static let blockSize = 512
    /// Two empty headers end an archive.
    static let end = [UInt8](repeating: 0, count: 2 * size)
    static let nameLimit = 100
    /// 11 octal digits.
    private static let octalLimit = 1 << 33

    let name: String
    /// The length of the file, in bytes.
    let length: Int
    /// Unix seconds.
    let modified: Int64

    /// The zeros that follow the file.
    static func padding(after length: Int) -> Int { (blockSize - length % blockSize) % blockSize }

    var bytes: [UInt8] {
        var bytes = [UInt8](repeating: 0, count: TarHeader.size)
        func put(_ value: some Sequence<UInt8>, at offset: Int) {
            for (index, byte) in value.enumerated() { bytes[offset + index] = byte }
        }
        put(name.utf8, at: 0)
        put("0000600".utf8, at: 100)
        put("0000000".utf8, at: 108)
        put("0000000".utf8, at: 116)
        put(lengthField, at: 124)
        put(TarHeader.octal(Int(modified), digits: 11), at: 136)
        put("        ".utf8, at: 148)
        bytes[156] = UInt8(ascii: "0")
        put("ustar\u{0}00".utf8, at: 257)
        let sum = bytes.reduce(0) { $0 + Int($1) }
        put(TarHeader.octal(sum, digits: 6) + [0, UInt8(ascii: " ")], at: 148)
        return bytes
    }

    /// From 8 GiB on, as GNU tar and star write it: the highest bit, then the number in binary.
    private var lengthField: [UInt8] {
        guard length >= TarHeader.octalLimit else { return TarHeader.octal(length, digits: 11) }
        return [0x80] + (0..<11).map { UInt8(truncatingIfNeeded: $0 < 3 ? 0 : length >> (8 * (10 - $0))) }
    }

    private static func octal(_ number: Int, digits: Int) -> [UInt8] {
        let text = String(number, radix: 8)
        return Array((String(repeating: "0", count: max(0, digits - text.utf8.count)) + text).utf8)
    }
}

extension TarHeader {
    /// Reads a header if `bytes` could have written it; nil for any other. So links, devices, owners and pax extensions
    /// are refused without a check for each.
    init?(_ bytes: [UInt8]) {
        guard bytes.count == TarHeader.size else { return nil }
        let name = bytes[..<TarHeader.nameLimit].prefix { $0 != 0 }
        guard let text = String(validating: name, as: UTF8.self),
            let length = TarHeader.number(bytes[124..<136]), let modified = TarHeader.number(bytes[136..<148])
        else { return nil }
        self.init(name: text, length: length, modified: Int64(modified))
        guard self.bytes == bytes else { return nil }
    }

    private static func number(_ field: ArraySlice<UInt8>) -> Int? {
        guard let first = field.first else { return nil }
        if first == 0x80 {
            guard field.dropFirst().prefix(4).allSatisfy({ $0 == 0 }) else { return nil }
            return Int(bigEndianBytes: field.suffix(7))
        }
        let digits = field.prefix(11)
        // Int would also accept a sign, and so a negative length.
        guard digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "7")).contains($0) }) else { return nil }
        return Int(String(decoding: digits, as: UTF8.self), radix: 8)
    }
}
