import DTASystem
import Glibc

/// A file that is read more than once, or in any order. Input that cannot be (a pipe, standard input) is first copied
/// to a file without a name.
final class SeekableFile {
    /// The name for people.
    let name: String
    let size: UInt64
    private let file: Descriptor

    private static let pieceSize = 256 << 10

    init(_ path: String) throws {
        let input = try InputFile(path)
        name = input.name
        var status = stat()
        if unsafe fstat(input.descriptor.number, &status) == 0, status.st_mode & S_IFMT == S_IFREG {
            file = input.descriptor
            size = UInt64(max(0, status.st_size))
        } else {
            (file, size) = try SeekableFile.copy(input)
        }
    }

    private static func copy(_ input: InputFile) throws -> (Descriptor, UInt64) {
        let folder = environment("TMPDIR") ?? "/tmp"
        do {
            var path = NativeText.path("\(folder)/dtactl-XXXXXX")
            let copy = Descriptor(owning: try systemCall("mkstemp") { unsafe mkstemp(&path) })
            // The file disappears when this process ends.
            unsafe unlink(path)
            var size: UInt64 = 0
            while true {
                let piece = try input.chunk()
                if piece.isEmpty { return (copy, size) }
                try writeAll(piece, to: copy.number)
                size += UInt64(piece.count)
            }
        } catch let error as SystemCallError {
            throw Failure.failed(
                .unavailable, "\(input.name) cannot be copied to \(folder): \(error)",
                hint: "set TMPDIR to a folder with more room, or save it as a file first")
        }
    }

    /// Bytes from an offset: as many as asked for; fewer only at the end.
    func bytes(at offset: UInt64, count: Int) throws -> [UInt8] {
        do {
            return try [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
                filled = try PositionedFile.read(
                    file.number, into: UnsafeMutableRawBufferPointer(buffer), at: Int(offset))
            }
        } catch {
            throw Failure.failed(.unavailable, "\(name) cannot be read: \(error)")
        }
    }

    /// Gives the bytes from the start, piece by piece; none at the end.
    func pieces() -> () throws -> [UInt8] {
        var offset: UInt64 = 0
        return {
            let piece = try self.bytes(at: offset, count: SeekableFile.pieceSize)
            offset += UInt64(piece.count)
            return piece
        }
    }
}
