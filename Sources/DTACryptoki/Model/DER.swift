/// The little of DER (X.690) that keys need: elements of definite length, one after the other.
struct DER {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: some Sequence<UInt8>) { rest = ArraySlice(Array(bytes)) }

    var isAtEnd: Bool { rest.isEmpty }

    /// One element: its tag, its content, and all of its bytes.
    typealias Element = (tag: UInt8, content: ArraySlice<UInt8>, whole: ArraySlice<UInt8>)

    /// The next element; nil if none is there, or if it is not in DER.
    mutating func next() -> Element? {
        let bytes = rest
        guard let tag = bytes.first, tag & 0x1f != 0x1f else { return nil }
        var place = bytes.startIndex + 1
        guard place < bytes.endIndex else { return nil }
        let first = bytes[place]
        place += 1
        var length = Int(first)
        if first >= 0x80 {
            let count = Int(first & 0x7f)
            guard (1...3).contains(count), bytes.endIndex - place >= count else { return nil }
            length = bytes[place..<(place + count)].reduce(0) { $0 << 8 | Int($1) }
            // The shortest form only.
            guard length >= 0x80, length >> (8 * (count - 1)) > 0 else { return nil }
            place += count
        }
        guard length <= bytes.endIndex - place else { return nil }
        let end = place + length
        rest = bytes[end...]
        return (tag, bytes[place..<end], bytes[bytes.startIndex..<end])
    }

    /// The next element if it has this tag.
    mutating func next(_ tag: UInt8) -> ArraySlice<UInt8>? {
        guard let element = next(), element.tag == tag else { return nil }
        return element.content
    }

    static let integer: UInt8 = 0x02
    static let bitString: UInt8 = 0x03
    static let octetString: UInt8 = 0x04
    static let null: UInt8 = 0x05
    static let objectIdentifier: UInt8 = 0x06
    static let sequence: UInt8 = 0x30

    /// An element.
    static func encode(_ tag: UInt8, _ content: [UInt8]) -> [UInt8] {
        var length: [UInt8] = []
        var left = content.count
        while left > 0 {
            length.insert(UInt8(left & 0xff), at: 0)
            left >>= 8
        }
        let header = content.count < 0x80 ? [UInt8(content.count)] : [0x80 | UInt8(length.count)] + length
        return [tag] + header + content
    }
}
