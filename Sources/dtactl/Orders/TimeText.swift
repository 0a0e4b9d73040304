import ArgumentParser
import Glibc

/// A time as people write it: `+7d`, `+1d12h`, `+90s`; `2026-12-24`, `2026-12-24T18:00`, with seconds, with `Z` or an
/// offset (ISO 8601), otherwise in the local time zone; `@1766599200` (Unix seconds).
struct TimeText {
    /// Unix seconds: of the time, or of the day's first second if only a day was named.
    let first: Int64
    /// The same, or the day's last second.
    let last: Int64

    static let forms = "+7d, +1d12h, 2026-12-24, 2026-12-24T18:00, 2026-12-24T18:00:00Z, @UNIXSECONDS"

    /// An argument of a command line.
    static func argument(_ text: String) throws -> TimeText {
        var now = time_t()
        unsafe time(&now)
        guard let moment = TimeText(text, now: Int64(now)) else {
            throw ValidationError("\(text) is no time: it is written as \(forms).")
        }
        return moment
    }

    init?(_ text: String, now: Int64) {
        if text.hasPrefix("+") {
            guard let span = TimeText.span(text.dropFirst()), let moment = TimeText.sum(now, span) else { return nil }
            (first, last) = (moment, moment)
        } else if text.hasPrefix("@") {
            guard let moment = TimeText.number(text.dropFirst()) else { return nil }
            (first, last) = (moment, moment)
        } else {
            guard let (first, last) = TimeText.date(text) else { return nil }
            (self.first, self.last) = (first, last)
        }
    }

    private static func number(_ digits: Substring) -> Int64? {
        guard (1...15).contains(digits.utf8.count), digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return nil
        }
        return Int64(digits)
    }

    private static func sum(_ one: Int64, _ other: Int64) -> Int64? {
        let (sum, overflow) = one.addingReportingOverflow(other)
        return overflow ? nil : sum
    }

    /// Seconds of `1d12h30m`.
    static func span(_ text: Substring) -> Int64? {
        let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800]
        var rest = text
        var total: Int64 = 0
        guard !rest.isEmpty else { return nil }
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && $0.isNumber }
            rest = rest.dropFirst(digits.count)
            guard digits.utf8.count <= 9, let count = number(digits), let letter = rest.popFirst(),
                let unit = units[letter], let sum = sum(total, count * unit)
            else { return nil }
            total = sum
        }
        return total
    }

    private static func date(_ text: String) -> (Int64, Int64)? {
        let halves = text.split(whereSeparator: { $0 == "T" || $0 == " " })
        guard (1...2).contains(halves.count), text.utf8.count <= 32 else { return nil }
        let day = halves[0].split(separator: "-", omittingEmptySubsequences: false)
        guard day.count == 3, day[0].count == 4, day[1].count == 2, day[2].count == 2,
            let year = number(day[0]), let month = number(day[1]), let date = number(day[2])
        else { return nil }
        guard halves.count == 2 else {
            guard let first = seconds(year, month, date, 0, 0, 0, offset: nil),
                let last = seconds(year, month, date, 23, 59, 59, offset: nil)
            else { return nil }
            return (first, last)
        }
        guard let (clock, offset) = zone(halves[1]) else { return nil }
        let parts = clock.split(separator: ":", omittingEmptySubsequences: false)
        guard (2...3).contains(parts.count), parts.allSatisfy({ $0.count == 2 }), let hour = number(parts[0]),
            let minute = number(parts[1]), let second = parts.count == 3 ? number(parts[2]) : 0,
            let moment = seconds(year, month, date, hour, minute, second, offset: offset)
        else { return nil }
        return (moment, moment)
    }

    /// The text without its zone, and seconds east of Greenwich; nil for local time.
    private static func zone(_ text: Substring) -> (Substring, Int64?)? {
        if text.hasSuffix("Z") { return (text.dropLast(), 0) }
        guard let sign = text.lastIndex(where: { $0 == "+" || $0 == "-" }) else { return (text, nil) }
        let parts = text[sign...].dropFirst().split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy({ $0.count == 2 }), let hours = number(parts[0]), hours <= 14,
            let minutes = number(parts[1]), minutes < 60
        else { return nil }
        return (text[..<sign], (text[sign] == "-" ? -1 : 1) * (hours * 3600 + minutes * 60))
    }

    private static func seconds(
        _ year: Int64, _ month: Int64, _ day: Int64, _ hour: Int64, _ minute: Int64, _ second: Int64, offset: Int64?
    ) -> Int64? {
        guard (1970...9999).contains(year), (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60,
            second < 60
        else { return nil }
        var parts = tm()
        parts.tm_year = Int32(year - 1900)
        parts.tm_mon = Int32(month - 1)
        parts.tm_mday = Int32(day)
        parts.tm_hour = Int32(hour)
        parts.tm_min = Int32(minute)
        parts.tm_sec = Int32(second)
        parts.tm_isdst = -1
        let result = offset == nil ? unsafe mktime(&parts) : unsafe timegm(&parts)
        // The 31st of a shorter month would become the 1st of the next.
        guard result >= 0, parts.tm_mday == Int32(day) else { return nil }
        return Int64(result) - (offset ?? 0)
    }
}
