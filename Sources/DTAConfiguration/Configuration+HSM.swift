import DTABytes
import DTASystem

extension Configuration {
    /// The HSM: which module and token, and how dtad-hsm works with them.
    public struct HSM: Sendable, Equatable {
        /// A variable of the environment.
        public struct Variable: Sendable, Equatable {
            public let name: String
            public let value: String
        }

        /// The PKCS#11 module, a shared library.
        public var module = "/usr/lib/softhsm/libsofthsm2.so"
        public var tokenLabel: String?
        public var tokenSerial: String?
        /// The landmark of the one token that may be used, 16 bytes; nil: the one that the state belongs to.
        public var landmark: [UInt8]?
        /// Read if the service manager gives no credential `hsm-pin`.
        public var pinFile: String?
        /// SoftHSM's own configuration, given to the module as $SOFTHSM2_CONF.
        public var softhsmConf: String?
        /// Environment variables for the module, in their order.
        public var environment: [Variable] = []
        /// Serialises log-ins between dtad-hsm processes.
        public var lockFile = ""
        /// The socket of dtad-hsm.socket. If it is absent, dtad starts dtad-hsm itself, as its own user.
        public var socket: String?
        /// Processes that use keys; nil: as many as cores, at least 2, and 1 for a token that allows one session.
        public var processes: Int?
        /// Whether dtad-hsm signs with copies of keys that live in its session.
        public var cacheSessionObjects = true
        /// Whether each worker stays on one processor together with its dtad-hsm, if there is a pair for each. They
        /// wake each other at every request, which costs a third of the speed on two processors.
        public var keepPairs = true
        /// How long one call to the HSM may take.
        public var deadlineMilliseconds = 5000
    }

    mutating func readHSM(_ top: inout Section, file: String, absolute: (String?) -> String?) throws {
        var section = try top.section("hsm")
        hsm.module = absolute(try section.string("module")) ?? hsm.module
        hsm.tokenLabel = try section.string("token")
        hsm.tokenSerial = try section.string("serial")
        hsm.landmark = try section.landmark(file: file)
        hsm.pinFile = absolute(try section.string("pin_file"))
        hsm.softhsmConf = absolute(try section.string("softhsm_conf"))
        hsm.environment = try section.environment(file: file)
        hsm.lockFile = absolute(try section.string("lock_file")) ?? hsm.lockFile
        hsm.socket = try section.socketPath("socket", absolute)
        hsm.processes = try section.int("processes", in: 1...64)
        hsm.cacheSessionObjects = try section.bool("cache_session_objects") ?? hsm.cacheSessionObjects
        hsm.keepPairs = try section.bool("keep_pairs_on_processors") ?? hsm.keepPairs
        hsm.deadlineMilliseconds =
            try section.int("deadline_ms", in: 100...60_000) ?? hsm.deadlineMilliseconds
        try section.finish()
        guard hsm.tokenLabel != nil || hsm.tokenSerial != nil else {
            throw DTAError(
                .invalidArgument, "\(file): hsm.token or hsm.serial must name the token",
                hint: "dtad init writes a configuration with a token of its own")
        }
        if let label = hsm.tokenLabel, label.utf8.count > HSM.labelLimit {
            throw DTAError(
                .invalidArgument,
                "\(file): hsm.token has \(label.utf8.count) bytes: no token has a label of more than \(HSM.labelLimit)")
        }
    }
}

extension Section {
    fileprivate mutating func landmark(file: String) throws -> [UInt8]? {
        guard let text = try string("landmark") else { return nil }
        guard let bytes = Hexadecimal.decode(text), bytes.count == 16 else {
            throw DTAError(
                .invalidArgument, "\(file): hsm.landmark has 32 hexadecimal digits, in quotation marks",
                hint: "dtad and `dtad check` name the landmark of the token that they find")
        }
        return bytes
    }

    /// The variables of the module's environment. None of them decides what is loaded, or belongs to another program.
    fileprivate mutating func environment(file: String) throws -> [Configuration.HSM.Variable] {
        let variables = try pairs("environment")
        for (name, value) in variables {
            guard let first = name.utf8.first, !isDigit(first), name.utf8.allSatisfy({ isNameByte($0) }) else {
                throw DTAError(
                    .invalidArgument, "\(file): hsm.environment: \"\(name)\" is no name of a variable",
                    hint: "A to Z, a to z, 0 to 9 and _, without a digit at the start")
            }
            guard !Configuration.HSM.isForbidden(variable: name) else {
                throw DTAError(
                    .invalidArgument, "\(file): hsm.environment: \(name) is not for modules",
                    hint: name == "SOFTHSM2_CONF"
                        ? "hsm.softhsm_conf names SoftHSM's configuration"
                        : "it changes what dtad-hsm itself loads or where its PIN comes from")
            }
            guard !value.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7f }) else {
                throw DTAError(.invalidArgument, "\(file): hsm.environment: \(name) has a control character in it")
            }
        }
        return variables.map { .init(name: $0.name, value: $0.value) }
    }
}

extension Configuration.HSM {
    /// The longest label of a token, by CK_TOKEN_INFO.
    public static let labelLimit = 32

    /// Variables of the loader, of the C library, of Swift, of the service manager, and those that have keys of their
    /// own.
    static func isForbidden(variable name: String) -> Bool {
        let prefixes = ["LD_", "GLIBC_", "MALLOC_", "SWIFT_", "LISTEN_", "DTA"]
        let names = [
            "SOFTHSM2_CONF", "CREDENTIALS_DIRECTORY", "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "PATH", "IFS",
            "ENV", "BASH_ENV", "GCONV_PATH",
        ]
        return prefixes.contains { name.hasPrefix($0) } || names.contains(name)
    }
}

private func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

private func isNameByte(_ byte: UInt8) -> Bool {
    isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20) || byte == UInt8(ascii: "_")
}
