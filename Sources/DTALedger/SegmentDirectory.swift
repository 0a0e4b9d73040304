import DTABytes
import DTASystem
import Foundation
import Glibc

/// The directory of the blocks of large bodies: `segments/` in the state directory, one file for each body, its blocks
/// one after the other. The database knows the place of each. SQLite would write each block twice, to log and pages.
///
/// A file that is being written is called `<id>.partial`; it gets its name when it is durable, just before the
/// transaction that names it. So a crash never leaves an incomplete block.
package final class SegmentDirectory: Sendable {
    let path: String

    /// Makes the directory (mode 0700) if it is not there.
    /// - Throws: `DTAError`, as `OwnPlace.makeFolder`: a link is refused, because its target must not be swept.
    package init(state: String) throws {
        path = "\(state)/segments"
        try OwnPlace.makeFolder(path)
    }

    /// Begins a segment for a new body.
    package func begin() throws -> PartialSegment { try PartialSegment(directory: self) }

    /// Removes what a crash left: unfinished files, and those that hold no block. Names that dtad never gives, such as
    /// a disk's `lost+found`, stay.
    /// - Parameter named: the ids of the segments that hold blocks.
    /// - Returns: how many files were removed, and why others could not be: those only cost room.
    func sweep(named: Set<String>) throws -> (removed: Int, obstacles: [String]) {
        let left = try PositionedFile.names(in: path).filter { !named.contains($0) && PartialSegment.isName($0) }
        var obstacles: [String] = []
        for name in left where unsafe unlink("\(path)/\(name)") != 0 && errno != ENOENT {
            obstacles.append("\(path)/\(name): \(errorText(errno))")
        }
        if left.count > obstacles.count { try PositionedFile.syncDirectory(path) }
        return (left.count - obstacles.count, obstacles)
    }

    /// Removes a segment that holds no block any more.
    func remove(_ id: String) { unsafe unlink("\(path)/\(id)") }

    /// Gives the room of a block back to the disk, if the file system can; the file keeps its length.
    func punch(_ place: SegmentPlace, count: Int) {
        let number = unsafe open("\(path)/\(place.segment)", O_WRONLY | O_CLOEXEC | O_NOFOLLOW)
        guard number >= 0 else { return }
        let file = Descriptor(owning: number)
        PositionedFile.punch(file.number, at: place.offset, count: count)
    }

    /// The bytes of a block; fewer than `count` if the file is cut short.
    /// - Throws: `SystemCallError`: ENOENT if there is no such segment.
    func read(_ place: SegmentPlace, count: Int) throws -> Data {
        let file = Descriptor(
            owning: try systemCall("open") {
                unsafe open("\(path)/\(place.segment)", O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
            })
        var bytes = Data(count: count)
        let read = try unsafe bytes.withUnsafeMutableBytes {
            unsafe try PositionedFile.read(file.number, into: $0, at: place.offset)
        }
        return read == count ? bytes : bytes.prefix(read)
    }
}

/// The segment of a block, and its place in it.
package struct SegmentPlace: Sendable, Hashable {
    /// 32 hexadecimal digits.
    let segment: String
    let offset: Int

    package init(segment: String, offset: Int) {
        self.segment = segment
        self.offset = offset
    }
}

/// A segment that is being written, by any number of threads, each at a different place.
package final class PartialSegment: Sendable {
    package let id: String
    private let directory: SegmentDirectory
    private let file: Descriptor
    /// Whether the file must be removed when this value goes.
    private let isTemporary = Locked(true)

    init(directory: SegmentDirectory) throws {
        self.directory = directory
        id = Hexadecimal.encode((0..<16).map { _ in UInt8.random(in: 0...255) })
        let path = "\(directory.path)/\(id)\(PartialSegment.ending)"
        do {
            file = Descriptor(
                owning: try systemCall("open") {
                    unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
                })
        } catch let error as SystemCallError {
            throw PartialSegment.explained(error, directory.path)
        }
    }

    deinit { discard() }

    private static let ending = ".partial"

    private var temporaryPath: String { "\(directory.path)/\(id)\(PartialSegment.ending)" }

    /// Whether a file name is that of a segment, finished or not.
    static func isName(_ name: String) -> Bool {
        let id = name.hasSuffix(ending) ? name.dropLast(ending.count) : name[...]
        return id.utf8.count == 32
            && id.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || (0x61...0x66).contains($0) }
    }

    package func write(_ bytes: Data, at offset: Int) throws {
        do {
            try unsafe bytes.withUnsafeBytes { unsafe try PositionedFile.write(file.number, $0, at: offset) }
        } catch let error as SystemCallError {
            throw PartialSegment.explained(error, directory.path)
        }
        PositionedFile.startWriteback(file.number, at: offset, count: bytes.count)
    }

    /// Makes all written bytes durable, under the segment's own name.
    package func finish() throws {
        do {
            try systemCall("fdatasync") { fdatasync(file.number) }
            try systemCall("rename") { unsafe rename(temporaryPath, "\(directory.path)/\(id)") }
            try PositionedFile.syncDirectory(directory.path)
        } catch let error as SystemCallError {
            discard()
            throw PartialSegment.explained(error, directory.path)
        }
    }

    /// Keeps the file, because its blocks are in the database.
    package func keep() { isTemporary.withLock { $0 = false } }

    /// Removes the file, unless it is kept.
    package func discard() {
        guard
            isTemporary.withLock({ isTemporary in
                defer { isTemporary = false }
                return isTemporary
            })
        else { return }
        unsafe unlink(temporaryPath)
        unsafe unlink("\(directory.path)/\(id)")
    }

    private static func explained(_ error: SystemCallError, _ path: String) -> DTAError {
        switch error.errno {
        case ENOSPC, EDQUOT, EFBIG:
            DTAError(
                .resourceExhausted, "there is no room for the envelope's body in \(path); nothing of it was kept",
                hint: "make room on that disk and seal it again")
        default:
            DTAError(
                .unavailable, "the envelope's body cannot be written to \(path): \(error)",
                hint: "look after that disk and its permissions, then seal it again")
        }
    }
}
