import DTASystem
import FoundationEssentials
import Glibc

extension InputFile {
    /// The next `count` bytes; fewer at the end only.
    func piece(_ count: Int) throws -> Data {
        var data = Data(count: count)
        do {
            let filled = try data.withUnsafeMutableBytes { try descriptor.fill($0) }
            return filled == count ? data : data.prefix(filled)
        } catch {
            throw Failure.failed(.unavailable, "\(name) cannot be read: \(error)")
        }
    }

    /// The size of a regular file in bytes; nil if the input has no size.
    var size: UInt64? {
        var status = stat()
        guard unsafe fstat(descriptor.number, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        return UInt64(status.st_size)
    }
}
