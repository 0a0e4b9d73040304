import DTABytes
import DTASystem

/// An object in the answer to `list`: class (1) ‖ owner (4, big-endian) ‖ id (16).
extension TokenObject {
    public static let wireSize = 21

    public var wire: [UInt8] {
        [objectClass.rawValue] + owner.uid.bigEndianBytes + id.bytes
    }

    /// - Throws: `DTAError.invalidArgument` if `wire` is not an object.
    public init(wire: ArraySlice<UInt8>) throws {
        guard wire.count == Self.wireSize, let first = wire.first, let known = ObjectClass(rawValue: first) else {
            throw DTAError(.invalidArgument, "an object in a list is malformed")
        }
        self.init(
            objectClass: known,
            owner: ObjectOwner(uid: UInt32(bigEndianBytes: wire.dropFirst().prefix(4))),
            id: try ObjectID(Array(wire.suffix(16))))
    }
}
