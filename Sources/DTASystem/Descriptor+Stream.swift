import Glibc

/// Reading and writing from where a descriptor stands: files, pipes and terminals.
extension Descriptor {
    /// Reads once.
    /// - Returns: how many bytes; 0 at the end.
    public func read(into room: UnsafeMutableRawBufferPointer) throws -> Int {
        try systemCall("read") { unsafe Glibc.read(number, room.baseAddress, room.count) }
    }

    /// Reads until the room is full or the end has come.
    /// - Returns: how many bytes.
    public func fill(_ room: UnsafeMutableRawBufferPointer) throws -> Int {
        try unsafe DTASystem.fill(room, from: number)
    }

    /// Writes all of it.
    public func write(_ bytes: UnsafeRawBufferPointer) throws { try unsafe writeAll(bytes, to: number) }
}

/// Reads until the room is full or the end has come.
/// - Returns: how many bytes.
public func fill(_ room: UnsafeMutableRawBufferPointer, from descriptor: Int32) throws -> Int {
    var used = 0
    while used < room.count {
        let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: room[used...])
        let got = try systemCall("read") { unsafe read(descriptor, rest.baseAddress, rest.count) }
        if got == 0 { break }
        used += got
    }
    return used
}

/// Writes all of `bytes` to a descriptor of any kind.
public func writeAll(_ bytes: [UInt8], to descriptor: Int32) throws {
    try unsafe bytes.withUnsafeBytes { try unsafe writeAll($0, to: descriptor) }
}

/// Writes all of `bytes` to a descriptor of any kind.
public func writeAll(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) throws {
    var rest = unsafe bytes
    while unsafe !rest.isEmpty {
        let written = try systemCall("write") { unsafe write(descriptor, rest.baseAddress, rest.count) }
        unsafe rest = UnsafeRawBufferPointer(rebasing: rest[written...])
    }
}
