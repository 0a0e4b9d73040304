import DTASystem
import Logging

/// The services that the endpoints use.
struct GatewayServices: Sendable {
    let configuration: GatewayConfiguration
    let agent: AgentPool
    let couriers: CourierPool
    let largeBodies: LargeBodies
    let readiness = ReadinessProbe()
    let doorkeeper: Doorkeeper
    let measurements: Measurements
    let logger: Logger
    /// `GET /openapi.json`, made once.
    let description: [UInt8]
    /// The agent's part of `GET /v1/status`.
    let plugins = CachedForASecond<[String]>()
    let node = CachedForASecond<String>()

    func scope(of call: Call) async throws -> TokenScope { try await TokenScope(call.client, agent) }
}

/// RFC 3339, in UTC.
func timestamp(_ seconds: Int64) -> String {
    let days = Int((Double(seconds) / 86_400).rounded(.down))
    let rest = Int(seconds) - days * 86_400
    // The Gregorian calendar from a count of days: years that begin in March put the leap day last.
    let shifted = days + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let month = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * month + 2) / 5 + 1
    let year = yearOfEra + era * 400 + (month >= 10 ? 1 : 0)
    func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
    return "\(year)-\(two(month < 10 ? month + 3 : month - 9))-\(two(day))"
        + "T\(two(rest / 3600)):\(two(rest / 60 % 60)):\(two(rest % 60))Z"
}
