import DTAJSON
import DTASystem

/// Asks one plugin, and makes an error of whatever it does wrong.
struct PluginLine: Sendable {
    let type: String
    let transport: PluginTransport
    let limits: PluginLimits
    let log: @Sendable (String) -> Void

    /// - Parameter read: what the result means.
    /// - Throws: `DTAError` that names the plugin.
    @discardableResult
    func ask<Result>(
        _ request: PluginRequest, _ read: ([String: JSONValue]) throws(PluginFailure) -> Result
    ) throws -> Result {
        do { return try read(try call(request)) } catch let failure as PluginFailure { throw failure.error(type) }
    }

    /// What stands between the lines of a complaint.
    static let lineBreak = " | "

    /// A complaint on one line, its end: there most languages say what is wrong.
    static func harmless(_ complaint: [UInt8]) -> String {
        let lines = String(decoding: complaint, as: UTF8.self).split(whereSeparator: \.isNewline)
        let text = lines.joined(separator: lineBreak)
        return PluginAnswer.harmless(String(text.suffix(500)), 500)
    }

    /// Starts the plugin and asks it.
    private func call(_ request: PluginRequest) throws -> [String: JSONValue] {
        let bytes = request.line
        guard bytes.count <= PluginLimits.requestBytes else {
            throw DTAError(.invalidArgument, "the order is too large for the plugin \(type)")
        }
        let answer = try transport.exchange(bytes, limits) { complaints in
            log("the plugin \(type) says: " + PluginLine.harmless(complaints))
        }
        switch try PluginAnswer(answer, to: request) {
        case .done(let result): return result
        case .refused(let error):
            throw DTAError(error.code, "the plugin \(type) refuses: \(error.message)", hint: error.hint)
        }
    }
}
