import TestSupport

@testable import DTAFormats

/// A value in the plain text of `Tests/interop/plain.py`: what another implementation read can be compared with it.
func plain(_ value: DAGCBOR.Value) -> String {
    switch value {
    case .null: "n"
    case .bool(let flag): flag ? "t" : "f"
    case .unsigned(let number): "i\(number)"
    // −1 − n; for n of 2^64 − 1 the sum is beyond 64 bits.
    case .negative(let number): number == .max ? "i-18446744073709551616" : "i-\(number + 1)"
    case .float(let number):
        "d" + hex((0..<8).reversed().map { UInt8(truncatingIfNeeded: number.bitPattern >> ($0 * 8)) })
    case .bytes(let bytes): "b" + hex(bytes)
    case .text(let text): "s" + hex(text.utf8)
    case .list(let items): "[" + items.map(plain).joined(separator: ",") + "]"
    case .map(let map): "{" + map.entries.map { hex($0.key.utf8) + ":" + plain($0.value) }.joined(separator: ",") + "}"
    case .link(let cid): "@\(cid)"
    }
}
