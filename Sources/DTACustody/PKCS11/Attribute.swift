import CPKCS11

/// One attribute of a PKCS#11 template: its type, and its value in the module's layout.
struct Attribute {
    let type: CK_ATTRIBUTE_TYPE
    let value: [UInt8]

    init(_ type: UInt, _ value: [UInt8]) {
        self.type = CK_ATTRIBUTE_TYPE(type)
        self.value = value
    }

    /// CK_BBOOL.
    init(_ type: UInt, _ value: Bool) { self.init(type, [value ? 1 : 0]) }

    /// CK_ULONG, in the byte order of this machine.
    init(_ type: UInt, number: UInt) {
        self.init(type, withUnsafeBytes(of: CK_ULONG(number)) { [UInt8]($0) })
    }

    init(_ type: UInt, _ text: String) { self.init(type, Array(text.utf8)) }
}

/// Lends a template to a PKCS#11 call: all values in one block of memory that lives as long as `body` runs.
func withTemplate<Result>(
    _ attributes: [Attribute], _ body: (UnsafeMutablePointer<CK_ATTRIBUTE>?, CK_ULONG) throws -> Result
) rethrows -> Result {
    var block = attributes.flatMap(\.value)
    return try block.withUnsafeMutableBytes { memory in
        var at = 0
        var template = attributes.map { attribute in
            defer { at += attribute.value.count }
            return CK_ATTRIBUTE(
                type: attribute.type, pValue: memory.baseAddress.map { $0 + at },
                ulValueLen: CK_ULONG(attribute.value.count))
        }
        return try template.withUnsafeMutableBufferPointer { try body($0.baseAddress, CK_ULONG($0.count)) }
    }
}

extension [UInt8] {
    /// A CK_ULONG that a module wrote; nil if its size is another.
    var asNumber: UInt? {
        count == MemoryLayout<CK_ULONG>.size ? withUnsafeBytes { UInt($0.loadUnaligned(as: CK_ULONG.self)) } : nil
    }
}
