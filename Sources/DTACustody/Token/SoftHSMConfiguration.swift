import DTASystem
import Glibc

/// SoftHSM's own configuration: its module answers CKR_GENERAL_ERROR for all faults of it.
struct SoftHSMConfiguration {
    let path: String
    /// Its name for people: the key of dtad.yaml, or the place where SoftHSM looks by default.
    private let origin: String

    /// - Returns: nil if the module is another.
    init?(_ options: HSMOptions) {
        if let path = options.softhsmConf {
            self.path = path
            origin = "hsm.softhsm_conf"
            return
        }
        guard options.module.split(separator: "/").last?.contains("softhsm") == true else { return nil }
        let home = getenv("HOME").map { String(cString: $0) + "/.config/softhsm2/softhsm2.conf" }
        if let path = getenv("SOFTHSM2_CONF").map({ String(cString: $0) }) {
            self.path = path
            origin = "$SOFTHSM2_CONF"
        } else if let home, access(home, F_OK) == 0 {
            path = home
            origin = "SoftHSM's usual place; hsm.softhsm_conf names another"
        } else {
            path = "/etc/softhsm/softhsm2.conf"
            origin = "SoftHSM's usual place; hsm.softhsm_conf names another"
        }
    }

    /// Whether its path is not a regular file.
    var isSomethingElse: Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT != S_IFREG
    }

    /// Why SoftHSM cannot use its tokens, as a sentence; nil if no fault is found.
    func fault() -> String? {
        let number = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard number >= 0 else { return "\(path) (\(origin)) cannot be read: \(errorText(errno))" }
        let file = Descriptor(owning: number)
        var status = stat()
        guard fstat(file.number, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            return "\(path) (\(origin)) is not a file"
        }
        var bytes = [UInt8](repeating: 0, count: 65_536)
        let count = read(file.number, &bytes, bytes.count)
        guard count >= 0 else { return "\(path) (\(origin)) cannot be read: \(errorText(errno))" }
        guard let tokens = directory(in: String(decoding: bytes.prefix(count), as: UTF8.self)) else {
            return "\(path) (\(origin)) names no directories.tokendir"
        }
        guard let directory = opendir(tokens) else {
            return "\(tokens), where \(path) has the tokens (directories.tokendir), cannot be read: \(errorText(errno))"
        }
        closedir(directory)
        return nil
    }

    private func directory(in text: String) -> String? {
        for line in text.split(whereSeparator: \.isNewline) {
            let words = line.prefix { $0 != "#" }.split(separator: "=", maxSplits: 1)
            guard words.count == 2, trimmed(words[0]) == "directories.tokendir" else { continue }
            let value = trimmed(words[1])
            return value.isEmpty ? nil : value
        }
        return nil
    }

    private func trimmed(_ text: Substring) -> String {
        let start = text.drop { $0.isWhitespace }
        return String(start.reversed().drop { $0.isWhitespace }.reversed())
    }
}
