/// Lists that are too long for the block of their document: they are cut into blocks of their own, each a DAG-CBOR
/// list, all of them full but the last.
enum ListPages {
    /// How many pages a list of `count` items has.
    static func count(of count: Int, perPage: Int) -> Int { (count + perPage - 1) / perPage }

    static func cut(_ items: [DAGCBOR.Value], perPage: Int) throws -> [ContentBlock] {
        try stride(from: 0, to: items.count, by: perPage).map { start in
            let page = Array(items[start..<min(start + perPage, items.count)])
            return ContentBlock(hashing: try DAGCBOR.encode(.list(page)), codec: .dagCBOR)
        }
    }

    /// The items of one page.
    /// - Parameter what: of which list, for the sentences: "recipients".
    /// - Parameter count: how many items the page may have.
    /// - Throws: what `block` throws; `FormatError.mismatch` if it answers other bytes than `cid` names.
    static func items(
        of cid: CID, _ what: String, count: ClosedRange<Int>, _ block: (CID) throws -> [UInt8]
    ) throws -> [DAGCBOR.Value] {
        let bytes = try block(cid)
        guard cid.names(bytes) else {
            throw FormatError(.mismatch, "a block with \(what) of an envelope is not the one that the CID names")
        }
        guard case .list(let items) = try DAGCBOR.decode(bytes, mostValues: DAGCBOR.documentValues) else {
            throw FormatError(.malformed, "a block with \(what) of an envelope is a list")
        }
        guard count.contains(items.count) else {
            throw FormatError(
                .malformed,
                "the blocks with \(what) of an envelope are full, all but the last: this one has \(items.count) items, "
                    + "not \(count.lowerBound == count.upperBound ? "" : "\(count.lowerBound) to ")\(count.upperBound)")
        }
        return items
    }

    /// The items of all pages, when nothing else says how many there are.
    static func items(
        of pages: [CID], _ what: String, perPage: Int, _ block: (CID) throws -> [UInt8]
    ) throws -> [DAGCBOR.Value] {
        var result: [DAGCBOR.Value] = []
        for (index, page) in pages.enumerated() {
            let count = index == pages.count - 1 ? 1...perPage : perPage...perPage
            result += try items(of: page, what, count: count, block)
        }
        return result
    }
}
