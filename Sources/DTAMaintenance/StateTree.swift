import DTASystem
import Glibc

/// The files of a state directory, opened below its descriptor and never through a link. Each must belong to the
/// directory's owner, be a regular file and have one name: dtad makes no others.
struct StateTree {
    let path: String
    private let directory: Descriptor
    private let owner: uid_t

    init(_ path: String) throws {
        self.path = path
        directory = try StateTree.open(path, below: AT_FDCWD, path)
        var status = stat()
        guard unsafe fstat(directory.number, &status) == 0 else { throw BackupFile.failure("read", path, errno) }
        owner = status.st_uid
    }

    /// The names in one of its folders, sorted; none if the folder does not exist.
    func names(in folder: String) throws -> [String] {
        guard let below = try self.folder(folder) else { return [] }
        return try BackupFile.names(in: below, "\(path)/\(folder)")
    }

    /// Opens a file for reading: `NAME`, or `FOLDER/NAME`.
    /// - Throws: `DTAError`: `notFound` if there is none, `dataLoss` if there is something else.
    func file(_ name: String) throws -> Descriptor {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count <= 2, let last = parts.last else { throw odd(name, "has a name that no file of dtad's has") }
        let place = parts.count == 2 ? try folder(parts[0]) : directory
        guard let place else { throw missing(name, ENOENT) }
        let number = unsafe openat(place.number, last, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        guard number >= 0 else {
            // With O_NOFOLLOW a link gives ELOOP; a socket gives ENXIO.
            throw [ELOOP, ENXIO].contains(errno) ? odd(name, "is not a plain file") : missing(name, errno)
        }
        let file = Descriptor(owning: number)
        var status = stat()
        guard unsafe fstat(number, &status) == 0 else { throw missing(name, errno) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw odd(name, "is not a plain file") }
        guard status.st_uid == owner else { throw odd(name, "belongs to uid \(status.st_uid)") }
        guard status.st_nlink == 1 else { throw odd(name, "has \(status.st_nlink) names") }
        return file
    }

    /// Checks the files that SQLite opens by their names.
    /// - Returns: how many bytes there are to copy; nil if there is no database.
    /// - Throws: `DTAError.dataLoss` if one of them is not a regular file of the owner.
    func databaseSize() throws -> Int? {
        var size = 0
        for suffix in ["", "-wal", "-shm", "-journal"] {
            do {
                let file = try file(BackupManifest.databaseName + suffix)
                var status = stat()
                guard unsafe fstat(file.number, &status) == 0 else { throw missing(suffix, errno) }
                size += Int(status.st_size)
            } catch let error as DTAError where error.code == .notFound {
                if suffix.isEmpty { return nil }
            }
        }
        return size
    }

    private func folder(_ name: String) throws -> Descriptor? {
        do {
            let folder = try StateTree.open(name, below: directory.number, "\(path)/\(name)")
            var status = stat()
            guard unsafe fstat(folder.number, &status) == 0 else { throw missing(name, errno) }
            guard status.st_uid == owner else { throw odd(name, "belongs to uid \(status.st_uid)") }
            return folder
        } catch let error as DTAError where error.code == .notFound {
            return nil
        }
    }

    private static func open(_ name: String, below: Int32, _ path: String) throws -> Descriptor {
        let number = unsafe openat(below, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard number >= 0 else {
            switch errno {
            case ENOENT: throw DTAError(.notFound, "\(path) cannot be read: \(errorText(ENOENT))")
            case ELOOP, ENOTDIR:
                throw DTAError(.dataLoss, "\(path) is not a directory, or is a link", hint: StateTree.hint)
            default: throw BackupFile.failure("read", path, errno)
            }
        }
        return Descriptor(owning: number)
    }

    private func missing(_ name: String, _ errno: Int32) -> DTAError {
        DTAError(errno == ENOENT ? .notFound : .unavailable, "\(path)/\(name) cannot be read: \(errorText(errno))")
    }

    private func odd(_ name: String, _ what: String) -> DTAError {
        DTAError(.dataLoss, "\(path)/\(name) \(what): dtad did not put it there", hint: StateTree.hint)
    }

    private static let hint = "see who could write there, and restore the state from a backup if in doubt"
}
