import TestSupport

@testable import DTAFormats

extension SeededGenerator {
    /// A value of any kind, with numbers and lengths near the edges of their encodings.
    mutating func value(depth: Int = 0) -> DAGCBOR.Value {
        // Mostly documents; some bare values.
        let isDocument = depth == 0 && Int.random(in: 0..<10, using: &self) < 8
        switch isDocument ? Int.random(in: 8...9, using: &self) : Int.random(in: 0..<(depth > 4 ? 8 : 10), using: &self)
        {
        case 0: return .null
        case 1: return .bool(next() & 1 == 0)
        case 2: return .unsigned(number())
        case 3: return .negative(number())
        case 4: return .float(float())
        case 5: return .bytes(bytes([0, 1, 23, 24, 32, 255, 256, 300].randomElement(using: &self)!))
        case 6: return .text(text())
        case 7: return .link(CID(hashing: bytes(4), codec: next() & 1 == 0 ? .raw : .dagCBOR))
        case 8:
            let count = [0, 1, 3, depth < 3 ? 30 : 2].randomElement(using: &self)!
            return .list((0..<count).map { _ in value(depth: depth + 1) })
        default:
            var map = DAGCBOR.Map()
            for _ in 0..<[0, 1, 3, 9].randomElement(using: &self)! { map[text()] = value(depth: depth + 1) }
            return .map(map)
        }
    }

    private mutating func number() -> UInt64 {
        if next() & 1 == 0 { return next() >> UInt64.random(in: 0..<64, using: &self) }
        let edge: [UInt64] = [0, 23, 24, 255, 256, 65535, 65536, 1 << 31, 1 << 32, 1 << 53, 1 << 63, .max]
        return edge.randomElement(using: &self)! &+ UInt64.random(in: 0...1, using: &self)
    }

    private mutating func float() -> Double {
        let number = Double(bitPattern: next())
        return number.isFinite
            ? number : [0, -0.0, 1, 0.1, .leastNonzeroMagnitude, .greatestFiniteMagnitude].randomElement(using: &self)!
    }

    private mutating func text() -> String {
        let letters = Array("abcdefgh/-é水🜁\u{301}\0\n")
        let count = [0, 1, 2, 5, 23, 24, 40].randomElement(using: &self)!
        return String((0..<count).map { _ in letters.randomElement(using: &self)! })
    }

    /// Bytes with damage of one to three kinds: cut, flipped, put in, doubled, or set to something that means much.
    mutating func damaged(_ original: [UInt8]) -> [UInt8] {
        var bytes = original
        for _ in 0..<Int.random(in: 1...3, using: &self) where !bytes.isEmpty {
            let place = Int.random(in: 0..<bytes.count, using: &self)
            switch Int.random(in: 0..<6, using: &self) {
            case 0: bytes.removeSubrange(place...)
            case 1: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &self)
            case 2: bytes.insert(UInt8(truncatingIfNeeded: next()), at: place)
            case 3: bytes.remove(at: place)
            case 4:
                bytes[place] = [0x00, 0x18, 0x1b, 0x5f, 0x7f, 0x81, 0xa1, 0xd8, 0xf7, 0xf9, 0xfb, 0xff].randomElement(
                    using: &self)!
            default:
                let end = min(bytes.count, place + Int.random(in: 1...8, using: &self))
                bytes.insert(contentsOf: bytes[place..<end], at: place)
            }
        }
        return bytes
    }
}
