/// Test data as people write it.
struct Hex: Error {}

func hex(_ bytes: some Sequence<UInt8>) -> String {
    bytes.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
}

func bytes(_ hex: String) throws -> [UInt8] {
    let digits = hex.filter { $0 != " " && $0 != "\n" }
    guard digits.count % 2 == 0 else { throw Hex() }
    var result: [UInt8] = []
    var rest = digits[...]
    while !rest.isEmpty {
        guard let byte = UInt8(rest.prefix(2), radix: 16) else { throw Hex() }
        result.append(byte)
        rest = rest.dropFirst(2)
    }
    return result
}
