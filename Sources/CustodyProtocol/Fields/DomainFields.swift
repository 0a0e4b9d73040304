import DTABytes
import DTAFormats
import DTASystem

/// Fields that are domain types of one field each.
extension CustodyWriter {
    mutating func field(_ value: Int32) { field(UInt32(bitPattern: value)) }

    mutating func field(_ id: ObjectID) { field(id.bytes) }

    mutating func field(_ owner: ObjectOwner) { field(owner.uid) }

    mutating func field(_ objectClass: ObjectClass) { field(objectClass.rawValue) }

    mutating func field(_ type: KeyType) { field(type.rawValue) }

    mutating func field(_ need: TokenNeed) { field(need.rawValue) }

    mutating func field(_ cid: CID) { field(cid.bytes) }
}

/// Each throws `DTAError.invalidArgument` for malformed input.
extension CustodyReader {
    mutating func objectID() throws -> ObjectID { try ObjectID(try field(exactly: 16)) }

    mutating func owner() throws -> ObjectOwner { ObjectOwner(uid: try uint32()) }

    mutating func objectClass() throws -> ObjectClass {
        let number = try byte()
        guard let objectClass = ObjectClass(rawValue: number) else {
            throw DTAError(.invalidArgument, "object class \(number) is unknown")
        }
        return objectClass
    }

    mutating func keyType() throws -> KeyType {
        let number = try byte()
        guard let type = KeyType(rawValue: number) else {
            throw DTAError(.invalidArgument, "key type \(number) is unknown")
        }
        return type
    }

    mutating func need() throws -> TokenNeed {
        let number = try byte()
        guard let need = TokenNeed(rawValue: number) else {
            throw DTAError(.invalidArgument, "need \(number) is unknown")
        }
        return need
    }

    mutating func rsaScheme() throws -> RSAScheme {
        let number = try byte()
        guard let scheme = RSAScheme(rawValue: number) else {
            throw DTAError(.invalidArgument, "signature scheme \(number) is unknown")
        }
        return scheme
    }

    mutating func cid() throws -> CID {
        let bytes = try field(exactly: CID.byteCount)
        do {
            return try CID(bytes: bytes)
        } catch let error as FormatError {
            throw DTAError(.invalidArgument, error.reason)
        }
    }

    mutating func unixSeconds() throws -> Int64 {
        let number = try uint64()
        // To the end of the year 9999, as everywhere in the formats.
        guard number <= UTCTime.last else {
            throw DTAError(.invalidArgument, "a time is given in whole seconds since 1970, to the year 9999")
        }
        return Int64(number)
    }
}
