extension Configuration.HSM {
    /// The places of the PIN on the disk: `pin_file`; or beside the configuration, in clear or encrypted, if dtad-hsm
    /// is a service that gets it as a credential.
    public func pinFiles(configuration: String) -> [String] {
        guard socket != nil else { return pinFile.map { [$0] } ?? [] }
        let directory = configuration.lastIndex(of: "/").map { configuration[..<$0] } ?? "."
        return ["\(directory)/hsm-pin", "\(directory)/hsm-pin.cred"]
    }

    /// The place of a new PIN, from before the token has it until it replaces the old one.
    public static func pendingPINFile(_ file: String) -> String { file + ".new" }
}
