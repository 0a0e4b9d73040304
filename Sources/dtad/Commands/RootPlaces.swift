import DTASystem
import Glibc

/// The directories in which root makes files. A user who can change one could replace a file, and make root follow a
/// link or load a library.
enum RootPlaces {
    /// - Parameter places: directories, some of which may not be there yet.
    /// - Throws: `DTAError.failedPrecondition` if this is root and another user could change one, or a step of its
    ///   path.
    static func check(_ places: [String]) throws {
        guard geteuid() == 0 else { return }
        for place in places {
            try existingWay(to: place).require(
                owner: nil, "what is in", hint: "run this as that user, or choose a directory of root's")
        }
    }

    /// The part of the path that exists.
    private static func existingWay(to path: String) throws -> PathWay {
        do {
            return try PathWay(to: path.isEmpty ? "/" : path)
        } catch let error as SystemCallError where error.errno == ENOENT && !path.isEmpty {
            return try existingWay(to: String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)]))
        }
    }
}
