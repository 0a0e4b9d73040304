import DTABytes
import DTASystem
import Glibc

/// A file to read, or standard input (`-`, or no name).
struct InputFile {
    /// The name for people.
    let name: String
    let descriptor: Descriptor

    /// - Parameter word: the argument before the file on the command line; people often swap the two.
    init(_ path: String?, after word: String? = nil) throws {
        if let path, path != "-" {
            name = path
            do {
                descriptor = Descriptor(
                    owning: try systemCall("open") { open(NativeText.path(path), O_RDONLY | O_CLOEXEC) })
            } catch let error as SystemCallError {
                let code = error.errno == ENOENT ? ErrorCode.notFound : .permissionDenied
                let isExchanged = code == .notFound && word.map { access(NativeText.path($0), F_OK) == 0 } ?? false
                throw Failure.failed(
                    code, "\(path) cannot be opened: \(errorText(error.errno))",
                    hint: isExchanged ? "the key comes first, then the file: \(path) \(word ?? "")" : "")
            }
        } else {
            name = "standard input"
            descriptor = Descriptor(owning: dup(STDIN_FILENO))
            if isatty(STDIN_FILENO) == 1 { StandardError.note("reading from the terminal; end with Ctrl-D") }
        }
    }

    /// The next up to 256 KiB; empty at the end.
    func chunk() throws -> [UInt8] {
        do {
            return try [UInt8](unsafeUninitializedCapacity: 256 << 10) { buffer, count in
                count = try descriptor.read(into: UnsafeMutableRawBufferPointer(buffer))
            }
        } catch {
            throw Failure.failed(.unavailable, "\(name) cannot be read: \(error)")
        }
    }

    /// All of it.
    /// - Throws: if it is longer than `limit` bytes; it does not read on then.
    func all(limit: Int, hint: String = "") throws -> [UInt8] {
        guard let bytes = try upTo(limit).whole else { throw tooLarge(limit, hint: hint) }
        return bytes
    }

    /// All of it, as a secret: it goes from the kernel into memory that is zeroed in the end.
    /// - Throws: if it is longer than `limit` bytes; it does not read on then.
    func secret(limit: Int) throws -> Secret {
        let bytes: Secret
        do {
            bytes = try Secret(capacity: limit + 1) { room, count in count = try descriptor.fill(room) }
        } catch {
            throw Failure.failed(.unavailable, "\(name) cannot be read: \(error)")
        }
        guard bytes.count <= limit else { throw tooLarge(limit, hint: "") }
        return bytes
    }

    private func tooLarge(_ limit: Int, hint: String) -> Failure {
        .failed(
            .invalidArgument,
            "\(name) is larger than \(HumanUnits.size(UInt64(limit))), the most that is taken here", hint: hint)
    }

    enum Beginning {
        case all([UInt8])
        /// Longer than the limit: the bytes that were read so far.
        case more([UInt8])

        var whole: [UInt8]? {
            if case .all(let bytes) = self { bytes } else { nil }
        }
    }

    func upTo(_ limit: Int) throws -> Beginning {
        var bytes: [UInt8] = []
        while bytes.count <= limit {
            let next = try chunk()
            if next.isEmpty { return .all(bytes) }
            bytes += next
        }
        return .more(bytes)
    }
}
