import DTAJSON
import DTASystem

/// Calls one plugin, and makes its faults errors.
struct PluginLine: Sendable {
    let type: String
    let transport: PluginTransport
    let limits: PluginLimits
    let log: @Sendable (String) -> Void

    /// - Parameter read: reads the result.
    /// - Throws: `DTAError` that names the plugin.
    @discardableResult
    func ask<Result>(
        _ request: PluginRequest, _ read: ([String: JSONValue]) throws(PluginFailure) -> Result
    ) throws -> Result {
        do { return try read(try call(request)) } catch let failure as PluginFailure { throw failure.error(type) }
    }

    /// The separator between the lines of a complaint.
    static let lineBreak = " | "

    /// The end of a complaint, on one line: most languages report the cause there.
    static func harmless(_ complaint: [UInt8]) -> String {
        let lines = String(decoding: complaint, as: UTF8.self).split(whereSeparator: \.isNewline)
        let text = lines.joined(separator: lineBreak)
        return PluginAnswer.harmless(String(text.suffix(500)), 500)
    }

    /// Starts the plugin and calls it.
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
