import DTASystem
import Glibc

/// The owner of a state directory. A command that root runs there does only what the owner could do. The owner is
/// dtad's user, which dtad-hsm does not trust: it may have put links, pipes and other users' files there.
package struct StateOwner: Sendable, Equatable {
    package let uid: UInt32
    package let gid: UInt32

    package init(uid: UInt32, gid: UInt32) {
        self.uid = uid
        self.gid = gid
    }

    /// Finds the owner of a directory, without following a link.
    /// - Throws: `DTAError`: `notFound`; `failedPrecondition` if it is not a directory, or others could replace it.
    package init(of state: String) throws {
        var status = stat()
        guard unsafe lstat(state, &status) == 0 else {
            let sentence = "the state directory \(state) cannot be used: \(errorText(errno))"
            throw errno == ENOENT
                ? DTAError(.notFound, sentence, helps: .makeState) : DTAError(.unavailable, sentence)
        }
        guard status.st_mode & S_IFMT != S_IFLNK else {
            throw DTAError(
                .failedPrecondition, "the state directory \(state) is a link",
                hint: "name the directory that it leads to")
        }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            throw DTAError(.failedPrecondition, "\(state) is not a directory")
        }
        guard status.st_mode & (S_IWGRP | S_IWOTH) == 0 else {
            throw DTAError(
                .failedPrecondition, "others than its owner may write to the state directory \(state)",
                hint: "chmod go-w \(state)")
        }
        self.init(uid: status.st_uid, gid: status.st_gid)
        try checkWay(to: state)
    }

    /// Whether root works on another user's files.
    package var isAnother: Bool { geteuid() == 0 && uid != 0 }

    /// Runs `body` with only the owner's rights: in a child process if root runs this.
    package func run(_ body: () throws -> [String]) throws -> [String] {
        isAnother ? try UserProcess.run(uid: uid, gid: gid, body) : try body()
    }

    /// Becomes the owner for good, if root runs this.
    package func become() throws { if isAnother { try UserProcess.become(uid: uid, gid: gid) } }

    /// Checks the path for root: no third user may be able to change it.
    /// - Returns: the way to the state's parent directory; nil if this is not root.
    @discardableResult
    func checkWay(to state: String) throws -> PathWay? {
        guard geteuid() == 0 else { return nil }
        let way: PathWay
        do {
            way = try PathWay(to: parentDirectory(of: state))
        } catch let error as SystemCallError {
            throw BackupFile.failure("used", state, error.errno)
        }
        try way.require(
            owner: uid, "what is in",
            hint: uid == 0 ? "choose a directory of root's" : "run this as the owner of \(state)")
        return way
    }
}
