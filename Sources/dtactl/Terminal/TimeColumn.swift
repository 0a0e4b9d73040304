import DTASystem

/// A table's column of times. Its heading names the reader's present time zone: `CREATED +01:00`. A time with another
/// offset, such as one of last summer, names its own.
enum TimeColumn {
    private static let zone = HumanUnits.local(unixMicroseconds() / 1_000_000, seconds: false).zone

    /// - Parameter preferred: as in `Table.Column`.
    static func column(_ title: String, preferred: Int = 0) -> Table.Column {
        // A date with … after it, instead of half a date.
        .init(title: "\(title) \(zone)", minimum: 11, preferred: preferred)
    }

    static func text(_ unixSeconds: Int64, seconds: Bool = false) -> String {
        let (time, zone) = HumanUnits.local(unixSeconds, seconds: seconds)
        return zone == TimeColumn.zone || zone.isEmpty ? time : "\(time) \(zone)"
    }
}
