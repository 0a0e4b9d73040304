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

    /// Starts the plugin and asks it.
    private func call(_ request: PluginRequest) throws -> [String: JSONValue] {
        let bytes = request.line
        guard bytes.count <= PluginLimits.requestBytes else {
            throw DTAError(.invalidArgument, "the order is too large for the plugin \(type)")
        }
        let outcome = try transport.exchange(bytes, limits)
        if !outcome.errors.isEmpty {
            let text = String(decoding: outcome.errors, as: UTF8.self)
            log("the plugin \(type) says: " + PluginAnswer.harmless(text, 500))
        }
        switch try PluginAnswer(outcome.answer, to: request) {
        case .done(let result): return result
        case .refused(let error):
            throw DTAError(error.code, "the plugin \(type) refuses: \(error.message)", hint: error.hint)
        }
    }
}
