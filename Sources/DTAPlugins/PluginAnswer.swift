import DTAFormats
import DTAJSON
import DTASystem

/// One line from a plugin.
enum PluginAnswer {
    case done([String: JSONValue])
    case refused(DTAError)

    /// Reads the answer to a request.
    /// - Parameter line: without its newline.
    /// - Throws: `PluginFailure.lies`.
    init(_ line: [UInt8], to request: PluginRequest) throws(PluginFailure) {
        let value: JSONValue
        do { value = try JSONValue.answer(line) } catch {
            throw .lies("its answer cannot be read: \(error.reason)")
        }
        guard var members = value.dictionary else { throw .lies("its answer is not an object") }
        guard let version = members.removeValue(forKey: "dta")?.string else {
            throw .lies("its answer does not say \"dta\": \"\(PluginRequest.version)\"")
        }
        guard version == PluginRequest.version else {
            throw .lies("it speaks \"\(Self.harmless(version, 32))\", not \(PluginRequest.version)")
        }
        guard members.removeValue(forKey: "id")?.string == request.id else {
            throw .lies("its answer has not the request's id")
        }
        switch members.removeValue(forKey: "ok") {
        case .bool(true): self = .done(try Self.result(&members))
        case .bool(false): self = .refused(try Self.refusal(&members))
        default: throw .lies("its answer has no \"ok\", which is true or false")
        }
        try Self.finish(members, "its answer")
    }

    /// Fails for members that were not read.
    static func finish(_ members: [String: JSONValue], _ what: String) throws(PluginFailure) {
        guard let unknown = members.keys.min() else { return }
        throw .lies("\(what) has an unknown member \"\(harmless(unknown, 40))\"")
    }

    private static func result(_ members: inout [String: JSONValue]) throws(PluginFailure) -> [String: JSONValue] {
        guard let value = members.removeValue(forKey: "result") else { return [:] }
        guard let result = value.dictionary else { throw .lies("its \"result\" is not an object") }
        return result
    }

    /// The codes of a plugin's refusals. Only the agent uses DATA_LOSS and INTERNAL.
    static let codes: [ErrorCode] = [
        .invalidArgument, .notFound, .permissionDenied, .unavailable, .resourceExhausted, .failedPrecondition,
    ]

    private static func refusal(_ members: inout [String: JSONValue]) throws(PluginFailure) -> DTAError {
        guard let name = members.removeValue(forKey: "code")?.string, let code = codes.first(where: { $0.name == name })
        else { throw .lies("it refuses with no \"code\" or with an unknown one") }
        guard let reason = members.removeValue(forKey: "reason")?.string, !reason.isEmpty else {
            throw .lies("it refuses without a \"reason\"")
        }
        let hint = try members.removeValue(forKey: "hint").map { value throws(PluginFailure) in
            guard let text = value.string else { throw .lies("its \"hint\" is not a text") }
            return text
        }
        for text in [reason, hint ?? ""] where text.utf8.count > sentenceLimit || !isPrintable(text) {
            throw .lies("it refuses in more than \(sentenceLimit) bytes, or in characters that cannot be shown")
        }
        return DTAError(code, reason, hint: hint ?? "")
    }

    /// Bytes of a reason, a hint, a summary or an explanation.
    static let sentenceLimit = 500

    /// Whether a text has no characters that move, hide or direct others.
    static func isPrintable(_ text: String) -> Bool { !text.unicodeScalars.contains(where: ForeignText.isHostile) }

    /// The beginning of a plugin's text, for a message of ours.
    static func harmless(_ text: String, _ count: Int) -> String {
        String(text.unicodeScalars.prefix(count).map { ForeignText.isHostile($0) ? "?" : Character($0) })
    }
}
