import Glibc

/// What a symbolic link says, as the kernel has it.
/// - Parameters:
///   - path: the link; "" for the link that `directory` itself stands for.
///   - directory: from where a relative path is looked up; nil: from where this process is.
/// - Throws: `SystemCallError`; ENAMETOOLONG if it does not fit into a path's length.
public func linkTarget(_ path: String, in directory: Int32? = nil) throws -> [UInt8] {
    var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
    let count = try unsafe buffer.withUnsafeMutableBytes { bytes in
        let room = unsafe bytes.assumingMemoryBound(to: CChar.self)
        return try systemCall("readlink(\(path))") {
            unsafe room.baseAddress.map { unsafe readlinkat(directory ?? AT_FDCWD, path, $0, room.count) } ?? 0
        }
    }
    guard count < buffer.count else { throw SystemCallError("readlink(\(path))", errno: ENAMETOOLONG) }
    return Array(buffer[..<count])
}
