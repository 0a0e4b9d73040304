/// The options of a dtad-hsm process for its HSM; paths are absolute. `docs/configuration.md` explains each.
public struct HSMOptions: Sendable, Equatable {
    /// The PKCS#11 module, a shared library.
    public var module: String
    /// The token's label, its serial number, or both.
    public var tokenLabel: String?
    public var tokenSerial: String?
    /// The landmark of the one token that may be used, as the administrator says; it overrides what the front says.
    public var landmark: [UInt8]?
    /// Read if the service manager gives no credential `hsm-pin`.
    public var pinFile: String?
    /// Files that exist while `dtad pin change` runs, or after it was stopped: the token may have either PIN then, and
    /// none is tried.
    public var pendingPINFiles: [String] = []
    /// SoftHSM's own configuration, if dtad's names one.
    public var softhsmConf: String?
    /// Serialises log-ins and changes of the token between processes.
    public var lockFile: String
    /// Whether to sign with copies of keys that live in this process' session.
    public var cacheSessionObjects: Bool
    /// How long a request may take before the process ends itself.
    public var deadlineMilliseconds: Int

    public init(
        module: String, tokenLabel: String?, tokenSerial: String?, landmark: [UInt8]?, pinFile: String?,
        softhsmConf: String?, lockFile: String, cacheSessionObjects: Bool, deadlineMilliseconds: Int
    ) {
        self.module = module
        self.tokenLabel = tokenLabel
        self.tokenSerial = tokenSerial
        self.landmark = landmark
        self.pinFile = pinFile
        self.softhsmConf = softhsmConf
        self.lockFile = lockFile
        self.cacheSessionObjects = cacheSessionObjects
        self.deadlineMilliseconds = deadlineMilliseconds
    }

    /// The token's name, for people.
    var tokenName: String {
        switch (tokenLabel, tokenSerial) {
        case (let label?, nil): "\"\(label)\""
        case (nil, let serial?): "with serial number \(serial)"
        case (let label?, let serial?): "\"\(label)\" with serial number \(serial)"
        case (nil, nil): "without a name"
        }
    }
}
