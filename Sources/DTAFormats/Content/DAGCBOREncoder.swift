/// Writes values; RFC 8949 §3 for the heads.
struct DAGCBOREncoder {
    private(set) var bytes: [UInt8] = []

    /// - Parameter capacity: how many bytes are expected.
    init(capacity: Int = 0) { bytes.reserveCapacity(capacity) }

    mutating func append(_ value: DAGCBOR.Value, depth: Int) throws {
        switch value {
        case .null: bytes.append(0xf6)
        case .bool(let flag): bytes.append(flag ? 0xf5 : 0xf4)
        case .unsigned(let number): head(0, number)
        case .negative(let number): head(1, number)
        case .float(let number):
            guard number.isFinite else { throw FormatError(.invalidArgument, "DAG-CBOR has finite floats only") }
            bytes.append(0xfb)
            big(number.bitPattern, count: 8)
        case .bytes(let content):
            head(2, UInt64(content.count))
            bytes += content
        case .text(let text): append(text)
        case .list(let items):
            try check(depth)
            head(4, UInt64(items.count))
            for item in items { try append(item, depth: depth + 1) }
        case .map(let map):
            try check(depth)
            head(5, UInt64(map.count))
            for entry in map.entries {
                append(entry.key)
                try append(entry.value, depth: depth + 1)
            }
        case .link(let cid):
            // Tag 42 around a byte string: the multibase prefix of plain bytes, 00, and the CID.
            head(6, 42)
            head(2, UInt64(1 + cid.bytes.count))
            bytes.append(0)
            bytes += cid.bytes
        }
    }

    mutating func appendMap(ofEncoded entries: [(key: String, value: [UInt8])]) {
        head(5, UInt64(entries.count))
        for entry in entries {
            append(entry.key)
            bytes += entry.value
        }
    }

    private mutating func append(_ text: String) {
        head(3, UInt64(text.utf8.count))
        bytes += text.utf8
    }

    private func check(_ depth: Int) throws {
        guard depth < DAGCBOR.maximumDepth else {
            throw FormatError(.invalidArgument, "DAG-CBOR here nests \(DAGCBOR.maximumDepth) levels at most")
        }
    }

    private mutating func head(_ major: UInt8, _ argument: UInt64) {
        let type = major << 5
        switch argument {
        case 0..<24: bytes.append(type | UInt8(argument))
        case 24...0xff:
            bytes.append(type | 24)
            big(argument, count: 1)
        case 0x100...0xffff:
            bytes.append(type | 25)
            big(argument, count: 2)
        case 0x1_0000...0xffff_ffff:
            bytes.append(type | 26)
            big(argument, count: 4)
        default:
            bytes.append(type | 27)
            big(argument, count: 8)
        }
    }

    private mutating func big(_ number: UInt64, count: Int) {
        for index in (0..<count).reversed() { bytes.append(UInt8(truncatingIfNeeded: number >> UInt64(index * 8))) }
    }
}
