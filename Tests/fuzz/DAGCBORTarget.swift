import DTAFormats

enum DAGCBORTarget: FuzzTarget {
    static func run(_ bytes: [UInt8]) {
        guard let value = try? DAGCBOR.decode(bytes) else { return }
        claim((try? DAGCBOR.encode(value)) == bytes, "what is read has one encoding")
        claim((try? DAGCBOR.links(in: bytes)) == value.links, "a block's links are its value's")
    }
}
