import DTAFormats

enum CIDTarget: FuzzTarget {
    static func run(_ bytes: [UInt8]) {
        if let cid = try? CID(bytes: bytes) {
            claim(cid.bytes == bytes, "a CID has one form in bytes")
            claim((try? CID(cid.description)) == cid, "a CID is read as it is written")
        }
        if let text = String(validating: bytes, as: UTF8.self), let cid = try? CID(text) {
            claim(cid.description == text, "a CID has one spelling")
        }
    }
}
