import DTASystem

/// Why a plugin did not answer.
enum PluginFailure: Error, Equatable {
    /// It could not be started, or its socket has no listener.
    case unreachable(String, hint: String = "")
    case slow(milliseconds: Int)
    /// It ended with this status or by this signal.
    case ended(status: Int32)
    case signalled(Int32)
    /// It closed its output without an answer.
    case silent
    case floods(bytes: Int)
    case chatters(bytes: Int)
    /// Its answer breaks the protocol.
    case lies(String)

    func error(_ type: String) -> DTAError {
        switch self {
        case .unreachable(let reason, let hint):
            DTAError(.unavailable, "the plugin \(type) cannot be reached: \(reason)", hint: hint)
        case .slow(let milliseconds):
            DTAError(
                .unavailable, "the plugin \(type) was ended: it did not finish within \(milliseconds) ms",
                hint: "plugins.time_ms is its time")
        case .ended(let status):
            DTAError(.internal, "the plugin \(type) failed: it ended with status \(status)", helps: .testPlugin)
        case .signalled(let signal):
            DTAError(.internal, "the plugin \(type) failed: signal \(signal) ended it", helps: .testPlugin)
        case .silent:
            DTAError(.internal, "the plugin \(type) failed: it ended without an answer", helps: .testPlugin)
        case .floods(let bytes):
            DTAError(
                .internal, "the plugin \(type) was ended: its answer is longer than \(bytes) bytes",
                hint: "plugins.output_bytes is the limit")
        case .chatters(let bytes):
            DTAError(
                .internal, "the plugin \(type) was ended: it wrote more than \(bytes) bytes to standard error",
                helps: .testPlugin)
        case .lies(let reason):
            DTAError(.internal, "the plugin \(type) broke the protocol: \(reason)", helps: .testPlugin)
        }
    }
}

extension DTAError {
    /// Whether it is the plugin's decision, and not a failure, a full queue, or "not now".
    public var isPluginDecision: Bool { ![.unavailable, .resourceExhausted, .internal].contains(code) }
}
