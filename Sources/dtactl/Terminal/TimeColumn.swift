import DTASystem

/// A table's column of times. Its heading names the reader's time zone, as it is now: `CREATED +01:00`. A time of
/// another offset, such as one of last summer, names its own.
enum TimeColumn {
    private static let zone = HumanUnits.local(unixMicroseconds() / 1_000_000, seconds: false).zone

    /// - Parameter preferred: as `Table.Column` has it.
    static func column(_ title: String, preferred: Int = 0) -> Table.Column {
        // A date with … behind it, rather than half a date.
        .init(title: "\(title) \(zone)", minimum: 11, preferred: preferred)
    }

    static func text(_ unixSeconds: Int64, seconds: Bool = false) -> String {
        let (time, zone) = HumanUnits.local(unixSeconds, seconds: seconds)
        return zone == TimeColumn.zone || zone.isEmpty ? time : "\(time) \(zone)"
    }
}
