import CPKCS11

/// Reads the values of a message, in the order of its call's signature. Every length is compared with what is left before
/// it is used, and nothing is read recursively.
public struct RPCReader {
    private let bytes: [UInt8]
    private var position = 0

    public init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// p11-kit's length of an array that is a null pointer.
    static let null: UInt32 = 0xffff_ffff
    /// Attributes in one template, those inside of templates in it included.
    static let attributeLimit = 256
    /// Numbers in one array.
    private static let numberLimit = 1024

    private var left: Int { bytes.count - position }

    /// Says that all of the message was read.
    public func end() throws(CryptokiError) {
        guard left == 0 else { throw .malformed }
    }

    // MARK: Numbers

    public mutating func byte() throws(CryptokiError) -> UInt8 {
        guard left >= 1 else { throw .malformed }
        defer { position += 1 }
        return bytes[position]
    }

    public mutating func number32() throws(CryptokiError) -> UInt32 {
        guard left >= 4 else { throw .malformed }
        defer { position += 4 }
        return bytes[position..<(position + 4)].reduce(0) { $0 << 8 | UInt32($1) }
    }

    /// A CK_ULONG: 64 bits.
    public mutating func number() throws(CryptokiError) -> UInt {
        guard left >= 8 else { throw .malformed }
        defer { position += 8 }
        return UInt(bytes[position..<(position + 8)].reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
    }

    // MARK: Bytes

    /// A length and so many bytes; nil for a null pointer.
    public mutating func string() throws(CryptokiError) -> ArraySlice<UInt8>? {
        let length = try number32()
        if length == RPCReader.null { return nil }
        guard let count = Int(exactly: length), count <= left else { throw .malformed }
        defer { position += count }
        return bytes[position..<(position + count)]
    }

    /// A string of fixed length (`s`).
    public mutating func string(ofLength length: Int) throws(CryptokiError) -> ArraySlice<UInt8> {
        guard let text = try string(), text.count == length else { throw .malformed }
        return text
    }

    /// An array of bytes (`ay`); empty for a null pointer.
    public mutating func array() throws(CryptokiError) -> ArraySlice<UInt8> {
        if try byte() != 0 { return try string() ?? [] }
        // No array but a length: the caller gave a length without bytes.
        guard try number32() == 0 else { throw CryptokiError(CKR_ARGUMENTS_BAD) }
        return []
    }

    /// The room that a caller has for bytes or numbers (`fy`, `fu`): nil to ask only for the length.
    public mutating func room() throws(CryptokiError) -> Int? {
        switch try number32() {
        case 0: nil
        // There is room, of the length 0.
        case RPCReader.null: 0
        case let room: Int(room)
        }
    }

    // MARK: Attributes

    /// A template (`aA`).
    public mutating func template() throws(CryptokiError) -> [Attribute] {
        let count = try number32()
        guard count <= RPCReader.attributeLimit else { throw CryptokiError(CKR_ARGUMENTS_BAD) }
        var template: [Attribute] = []
        var budget = RPCReader.attributeLimit
        for _ in 0..<count { template.append(try attribute(&budget)) }
        return template
    }

    private mutating func attribute(_ budget: inout Int) throws(CryptokiError) -> Attribute {
        let type = UInt(try number32())
        guard try byte() != 0 else { return Attribute(type, nil) }
        let length = try number32()
        switch AttributeForm(of: type) {
        case .flag:
            let flag = try byte()
            return Attribute(type, length == 1 ? .flag(flag != 0) : .bytes([]))
        case .number:
            let value = try number()
            return Attribute(type, length == 8 ? .number(value) : .bytes([]))
        case .bytes: return Attribute(type, .bytes(Array(try string() ?? [])))
        case .numbers:
            let count = try number32()
            guard count <= RPCReader.numberLimit else { throw CryptokiError(CKR_ARGUMENTS_BAD) }
            var numbers: [UInt] = []
            for _ in 0..<count { numbers.append(try number()) }
            return Attribute(type, .numbers(numbers))
        case .template:
            try skipTemplates(&budget)
            return Attribute(type, .template)
        }
    }

    /// Skips a template inside of a template, and those inside of it. What is nested follows in one row, so that counting
    /// what is still to come is enough.
    private mutating func skipTemplates(_ budget: inout Int) throws(CryptokiError) {
        func take(_ count: UInt32, _ budget: inout Int) throws(CryptokiError) -> Int {
            guard let count = Int(exactly: count), count <= budget else { throw CryptokiError(CKR_ARGUMENTS_BAD) }
            budget -= count
            return count
        }
        var left = try take(try number32(), &budget)
        while left > 0 {
            left -= 1
            let type = UInt(try number32())
            guard try byte() != 0 else { continue }
            _ = try number32()
            switch AttributeForm(of: type) {
            case .flag: _ = try byte()
            case .number: _ = try number()
            case .bytes: _ = try string()
            case .numbers:
                let count = try number32()
                guard count <= RPCReader.numberLimit else { throw CryptokiError(CKR_ARGUMENTS_BAD) }
                for _ in 0..<count { _ = try number() }
            case .template: left += try take(try number32(), &budget)
            }
        }
    }

    /// Which attributes a caller wants, and the room that it has for each (`fA`): 0 to ask for the length.
    public mutating func attributeRooms() throws(CryptokiError) -> [(type: UInt, room: Int)] {
        var wanted: [(type: UInt, room: Int)] = []
        // A template inside of a template follows the attribute that it belongs to. No object here has such an attribute,
        // so that what is inside is only counted.
        var left = try number32()
        guard left <= RPCReader.attributeLimit else { throw CryptokiError(CKR_ARGUMENTS_BAD) }
        let outer = left
        while left > 0 {
            left -= 1
            let type = UInt(try number32())
            let room = try number32()
            wanted.append((type, Int(room)))
            if room != 0, AttributeForm(of: type) == .template { try skipRooms() }
        }
        guard wanted.count == outer else { throw .malformed }
        return wanted
    }

    private mutating func skipRooms() throws(CryptokiError) {
        var left = try number32()
        var budget = UInt32(RPCReader.attributeLimit)
        while left > 0 {
            guard left <= budget else { throw CryptokiError(CKR_ARGUMENTS_BAD) }
            left -= 1
            budget -= 1
            let type = UInt(try number32())
            let room = try number32()
            if room != 0, AttributeForm(of: type) == .template {
                let more = try number32()
                guard more <= budget else { throw CryptokiError(CKR_ARGUMENTS_BAD) }
                left += more
            }
        }
    }

    // MARK: Mechanisms

    /// A mechanism with its parameter (`M`); nil for a null pointer, by which a caller cancels an operation.
    public mutating func mechanism() throws(CryptokiError) -> Mechanism? {
        let number = try number32()
        if number == RPCReader.null { return nil }
        let type = UInt(number)
        switch MechanismForm(of: type) {
        case .bytes: return Mechanism(type, .bytes(Array(try string() ?? [])))
        case .pss:
            return Mechanism(type, .pss(hash: try self.number(), mask: try self.number(), salt: try self.number()))
        case .oaep:
            return Mechanism(
                type,
                .oaep(
                    hash: try self.number(), mask: try self.number(), source: try self.number(),
                    label: Array(try string() ?? [])))
        case .ecdh:
            return Mechanism(
                type,
                .ecdh(kdf: try self.number(), shared: Array(try string() ?? []), point: Array(try string() ?? [])))
        case .gcm:
            let nonce = Array(try string() ?? [])
            _ = try self.number()
            let associated = Array(try string() ?? [])
            return Mechanism(type, .gcm(nonce: nonce, associated: associated, tagBits: try self.number()))
        case .counter:
            _ = try self.number()
            return Mechanism(type, .bytes(Array(try string() ?? [])))
        case .number: return Mechanism(type, .number(try self.number()))
        }
    }
}
