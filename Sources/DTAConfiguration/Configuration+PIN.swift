extension Configuration.HSM {
    /// Where the PIN may be on the disk: `pin_file`; beside the configuration, in clear or encrypted, where dtad-hsm is a
    /// service that is given it as a credential.
    public func pinFiles(configuration: String) -> [String] {
        guard socket != nil else { return pinFile.map { [$0] } ?? [] }
        let directory = configuration.lastIndex(of: "/").map { configuration[..<$0] } ?? "."
        return ["\(directory)/hsm-pin", "\(directory)/hsm-pin.cred"]
    }

    /// Where a new PIN is from before the token has it until it has taken the old one's place.
    public static func pendingPINFile(_ file: String) -> String { file + ".new" }
}
