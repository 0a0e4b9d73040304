import DTACourier
import DTAFormats
import DTASystem

/// A file of blocks: a CAR, or a single block. Once this value exists, the whole file was read and hashed; the blocks
/// stay in the file.
final class BlockFile {
    struct Entry: ArchiveEntry {
        let cid: CID
        let offset: UInt64
        let size: Int
        let kind: DocumentKind
    }

    let file: SeekableFile
    /// The roots of a CAR; a single block is its own root.
    let roots: [CID]
    /// In the order of the file, each block once.
    let entries: [Entry]
    let documents: CollectedDocuments

    /// - Throws: `Failure` that names the file and its fault: nothing of a damaged file is used.
    init(_ path: String, read: (Int) -> Void = { _ in }) throws {
        file = try SeekableFile(path)
        do {
            (roots, entries, documents) =
                try BlockFile.archive(file, read) ?? BlockFile.block(file)
        } catch let error as FormatError {
            throw Failure.failed(.dataLoss, "\(file.name): \(error.reason)", hint: "nothing of it was used")
        }
    }

    func bytes(_ entry: Entry) throws -> [UInt8] {
        let bytes = try file.bytes(at: entry.offset, count: entry.size)
        // The file may have changed since it was read.
        guard entry.cid.names(bytes) else {
            throw Failure.failed(.dataLoss, "\(file.name) was changed while it was read")
        }
        return bytes
    }

    /// Nil if the file does not begin like a CAR.
    private static func archive(
        _ file: SeekableFile, _ read: (Int) -> Void
    ) throws -> ([CID], [Entry], CollectedDocuments)? {
        // A document is a map of two (a2). As the start of a CAR, that would be a two-byte header length, and the
        // header's first byte would be text, which no header begins with.
        let beginning = try file.bytes(at: 0, count: 8)
        if beginning.first == 0xa2, beginning.dropFirst().first.map({ $0 >> 5 == 3 }) ?? true { return nil }
        var reader = try CARReader(file.pieces())
        var entries: [Entry] = []
        var documents = CollectedDocuments()
        var before = reader.size
        while let block = try reader.next() {
            read(Int(reader.size - before))
            before = reader.size
            let isNew = !documents.contains(block.cid)
            let kind = documents.add(block)
            guard isNew else { continue }
            entries.append(
                Entry(
                    cid: block.cid, offset: reader.size - UInt64(block.bytes.count), size: block.bytes.count, kind: kind
                ))
        }
        return (reader.roots, entries, documents)
    }

    private static func block(_ file: SeekableFile) throws -> ([CID], [Entry], CollectedDocuments) {
        guard file.size <= UInt64(DAGCBOR.maximumSize) else {
            throw FormatError(.malformed, "neither a CAR nor one block: a block has 1 MiB at most")
        }
        let block = ContentBlock(hashing: try file.bytes(at: 0, count: Int(file.size)), codec: .dagCBOR)
        _ = try block.links
        var documents = CollectedDocuments()
        let kind = documents.add(block)
        return ([block.cid], [Entry(cid: block.cid, offset: 0, size: block.bytes.count, kind: kind)], documents)
    }
}

/// The blocks of several files.
struct BlockFiles: BlockSource {
    private var places: [CID: (file: BlockFile, entry: BlockFile.Entry)] = [:]

    init(_ files: [BlockFile]) {
        for file in files {
            for entry in file.entries { places[entry.cid] = (file, entry) }
        }
    }

    func block(_ cid: CID) throws -> [UInt8]? { try places[cid].map { try $0.file.bytes($0.entry) } }

    func size(of cid: CID) -> Int? { places[cid]?.entry.size }
}
