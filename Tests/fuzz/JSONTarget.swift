import DTAJSON

enum JSONTarget: FuzzTarget {
    static func run(_ bytes: [UInt8]) {
        let whole = try? JSONReader.read(bytes, depth: 8, numbers: .whole)
        guard let value = try? JSONReader.read(bytes) else {
            return claim(whole == nil, "what is read strictly is read")
        }
        if let whole { claim(whole == value, "what is read strictly means the same") }
        claim((try? JSONReader.read(value.bytes)) == value, "what is written is read again")
        let plain = value.bytes { !(" "..."~").contains($0) }
        claim(plain.allSatisfy { (0x20..<0x7f).contains($0) }, "nothing is left that is to be escaped")
        claim((try? JSONReader.read(plain)) == value, "what is written in ASCII is read again")
    }
}
