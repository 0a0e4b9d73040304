import Glibc

/// Sizes and times for people.
enum HumanUnits {
    /// `312 B`, `4.2 KiB`, `256 KiB`.
    static func size(_ bytes: UInt64) -> String {
        guard bytes >= 1024 else { return "\(bytes) B" }
        var value = Double(bytes) / 1024
        var unit = 0
        let units = ["KiB", "MiB", "GiB", "TiB"]
        while value >= 1023.95, unit < units.count - 1 {
            value /= 1024
            unit += 1
        }
        return "\(decimal(value)) \(units[unit])"
    }

    /// `87 µs`, `4.2 ms`, `1.5 s`.
    static func duration(microseconds: Int64) -> String {
        let value = Double(microseconds)
        if microseconds < 1000 { return "\(microseconds) µs" }
        return value < 999_950 ? "\(decimal(value / 1000)) ms" : "\(decimal(value / 1_000_000)) s"
    }

    /// `42 s`, `3 min 12 s`, `5 h 2 min`, `12 d 4 h`.
    static func span(seconds: Int64) -> String {
        let minutes = seconds / 60
        let parts = [(minutes / 1440, "d"), (minutes / 60 % 24, "h"), (minutes % 60, "min"), (seconds % 60, "s")]
        guard let first = parts.firstIndex(where: { $0.0 > 0 }) else { return "0 s" }
        return parts[first...].prefix(2).filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }.joined(separator: " ")
    }

    /// `2026-11-22 13:08:05 +01:00`, in the reader's time zone.
    static func time(unixSeconds: Int64) -> String {
        let (time, zone) = local(unixSeconds, seconds: true)
        return zone.isEmpty ? time : "\(time) \(zone)"
    }

    /// A time in the reader's time zone, and that zone: `+01:00`, or `UTC`.
    static func local(_ unixSeconds: Int64, seconds: Bool) -> (time: String, zone: String) {
        var time = time_t(unixSeconds)
        var parts = tm()
        guard unsafe localtime_r(&time, &parts) != nil else { return ("@\(unixSeconds)", "") }
        let date = [Int(parts.tm_year) + 1900, Int(parts.tm_mon) + 1, Int(parts.tm_mday)].map(twoDigits)
        let clock = [Int(parts.tm_hour), Int(parts.tm_min), Int(parts.tm_sec)].map(twoDigits)
        let text = date.joined(separator: "-") + " " + clock.prefix(seconds ? 3 : 2).joined(separator: ":")
        let minutes = abs(Int(parts.tm_gmtoff)) / 60
        guard minutes > 0 else { return (text, "UTC") }
        return (text, (parts.tm_gmtoff < 0 ? "-" : "+") + "\(twoDigits(minutes / 60)):\(twoDigits(minutes % 60))")
    }

    private static func twoDigits(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }

    /// One digit after the point below 10, none if it would be 0.
    private static func decimal(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return value >= 100 || tenths % 10 == 0 ? "\((tenths + 5) / 10)" : "\(tenths / 10).\(tenths % 10)"
    }
}
