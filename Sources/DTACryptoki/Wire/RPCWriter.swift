import DTABytes

/// Writes the values of a message.
public struct RPCWriter {
    public private(set) var bytes: [UInt8] = []

    /// An answer to `call`.
    public init(answering call: RPCCall) { begin(call.rawValue, call.response) }

    /// The answer to a call that was not done.
    public init(error: CryptokiError) {
        begin(RPCCall.error, RPCCall.errorSignature)
        number(error.code)
    }

    /// A request: for clients.
    public init(asking call: RPCCall) { begin(call.rawValue, call.request) }

    private mutating func begin(_ call: UInt32, _ signature: String) {
        // Most answers are shorter.
        bytes.reserveCapacity(128)
        number32(call)
        number32(UInt32(truncatingIfNeeded: signature.utf8.count))
        bytes += signature.utf8
    }

    public mutating func byte(_ value: UInt8) { bytes.append(value) }

    public mutating func number32(_ value: UInt32) { bytes.append(bigEndian: value) }

    /// A CK_ULONG: 64 bits.
    public mutating func number(_ value: UInt) { bytes.append(bigEndian: UInt64(value)) }

    /// A length and so many bytes; nil: a null pointer.
    public mutating func string(_ value: [UInt8]?) {
        guard let value else { return number32(RPCReader.null) }
        number32(UInt32(truncatingIfNeeded: value.count))
        bytes += value
    }

    /// A text that is filled up with spaces to `length` bytes, or cut.
    public mutating func string(_ text: String, length: Int) {
        let cut = Array(text.utf8.prefix(length))
        string(cut + [UInt8](repeating: 0x20, count: length - cut.count))
    }

    public mutating func version(_ major: UInt8, _ minor: UInt8) { bytes += [major, minor] }

    /// An array of bytes.
    public mutating func array(_ value: [UInt8]) {
        byte(1)
        string(value)
    }

    /// The length of an array, in place of it.
    public mutating func arrayLength(_ count: Int) {
        byte(0)
        number32(UInt32(truncatingIfNeeded: count))
    }

    public mutating func numbers(_ values: [UInt]) {
        byte(1)
        number32(UInt32(truncatingIfNeeded: values.count))
        for value in values { number(value) }
    }

    /// An attribute: its value, only its length, or neither.
    public mutating func attribute(_ type: UInt, _ answer: AttributeAnswer) {
        number32(UInt32(truncatingIfNeeded: type))
        switch answer {
        case .nothing: byte(0)
        case .length(let value):
            byte(1)
            number32(UInt32(truncatingIfNeeded: value.length))
            switch value {
            case .flag: byte(0)
            case .number: number(0)
            case .bytes: string(nil)
            case .numbers, .template: number32(0)
            }
        case .value(let value):
            byte(1)
            number32(UInt32(truncatingIfNeeded: value.length))
            switch value {
            case .flag(let flag): byte(flag ? 1 : 0)
            case .number(let value): number(value)
            case .bytes(let value): string(value)
            case .numbers(let values):
                number32(UInt32(truncatingIfNeeded: values.count))
                for value in values { number(value) }
            case .template: number32(0)
            }
        }
    }

    /// A mechanism with its parameter, for clients.
    public mutating func mechanism(_ mechanism: Mechanism) {
        number32(UInt32(truncatingIfNeeded: mechanism.type))
        switch mechanism.parameter {
        case .bytes(let bytes): string(bytes.isEmpty ? nil : bytes)
        case .pss(let hash, let mask, let salt): for value in [hash, mask, salt] { number(value) }
        case .oaep(let hash, let mask, let source, let label):
            for value in [hash, mask, source] { number(value) }
            string(label)
        case .ecdh(let kdf, let shared, let point):
            number(kdf)
            string(shared)
            string(point)
        case .gcm(let nonce, let associated, let tagBits):
            string(nonce)
            number(UInt(8 * nonce.count))
            string(associated)
            number(tagBits)
        case .number(let value): number(value)
        }
    }

    /// A template, for clients.
    public mutating func template(_ attributes: [Attribute]) {
        number32(UInt32(truncatingIfNeeded: attributes.count))
        for attribute in attributes {
            self.attribute(attribute.type, attribute.value.map { .value($0) } ?? .nothing)
        }
    }
}
