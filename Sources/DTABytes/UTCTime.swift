/// A moment in a sentence: RFC 3339 in UTC, `2026-11-30T10:11:14Z`. Readers in all time zones see the same text, and a
/// program can find it.
public enum UTCTime {
    /// - Parameter unixSeconds: from 0 to the end of the year 9999, as in documents; others are written as a number.
    public static func text(_ unixSeconds: Int64) -> String {
        guard (0...last).contains(unixSeconds) else { return "@\(unixSeconds)" }
        func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let day = CivilDate(daysSince1970: unixSeconds / 86_400)
        let second = unixSeconds % 86_400
        return "\(day.year)-\(two(day.month))-\(two(day.day))"
            + "T\(two(second / 3600)):\(two(second / 60 % 60)):\(two(second % 60))Z"
    }

    /// The end of the year 9999. No document has a later time.
    public static let last: Int64 = 253_402_300_799
}
