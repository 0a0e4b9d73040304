/// Content archives, version 1 (https://ipld.io/specs/transport/car/carv1/): a header that names roots, and blocks
/// after it, each with its CID. IPFS tools exchange them as `.car` files.
///
///     varint(size of header) ‖ DAG-CBOR { "roots": [ link ], "version": 1 }
///     then for each block: varint(36 + size of block) ‖ CID ‖ block
public enum CAR {
    /// The most roots of one archive.
    public static let rootLimit = 1000
    /// The largest header: the roots' links of 41 bytes each, and the map around them.
    static let headerLimit = 48 << 10
    /// The largest section: a CID, and the largest block.
    static let sectionLimit = CID.byteCount + DAGCBOR.maximumSize

    static func header(_ roots: [CID]) throws -> [UInt8] {
        guard (1...rootLimit).contains(roots.count) else {
            throw FormatError(.invalidArgument, "a CAR has 1 to \(rootLimit) roots, not \(roots.count)")
        }
        return try DAGCBOR.encode(.map(["version": .unsigned(1), "roots": .list(roots.map { .link($0) })]))
    }

    /// The roots that a header names.
    static func roots(header: [UInt8]) throws -> [CID] {
        guard case .map(let map) = try DAGCBOR.decode(header), let version = map["version"] else {
            throw FormatError(.malformed, "the header of a CAR is a map with a version")
        }
        guard version == .unsigned(1) else {
            throw FormatError(.unsupported, "only CARs of version 1 are accepted")
        }
        guard map.count == 2, case .list(let items)? = map["roots"], (1...rootLimit).contains(items.count) else {
            throw FormatError(.malformed, "the header of a CAR has a version and 1 to \(rootLimit) roots, nothing else")
        }
        return try items.map { item in
            guard case .link(let cid) = item else {
                throw FormatError(.malformed, "the roots of a CAR are links")
            }
            return cid
        }
    }
}
