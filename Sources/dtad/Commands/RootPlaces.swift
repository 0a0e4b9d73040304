import DTASystem
import Glibc

/// Where root makes files. In a place that is for another user to change, that user could put something else in the place
/// of what was made, and have root follow a link or load a library.
enum RootPlaces {
    /// - Parameter places: directories, some of which may not be there yet.
    /// - Throws: `DTAError.failedPrecondition` if this is root and another user could change one, or the way to it.
    static func check(_ places: [String]) throws {
        guard geteuid() == 0 else { return }
        for place in places {
            try existingWay(to: place).require(
                owner: nil, "what is in", hint: "run this as that user, or choose a directory of root's")
        }
    }

    /// As far as there is something.
    private static func existingWay(to path: String) throws -> PathWay {
        do {
            return try PathWay(to: path.isEmpty ? "/" : path)
        } catch let error as SystemCallError where error.errno == ENOENT && !path.isEmpty {
            return try existingWay(to: String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)]))
        }
    }
}
