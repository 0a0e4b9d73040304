/// A day of the Gregorian calendar.
public struct CivilDate: Equatable, Sendable {
    public let year: Int64
    public let month: Int64
    public let day: Int64

    /// Counts in years that begin on 1 March, so that the leap day is a year's last; 400 years have 146,097 days.
    public init(daysSince1970 days: Int64) {
        let sinceMarch0000 = days + 719_468
        let era = sinceMarch0000 / 146_097
        let dayOfEra = sinceMarch0000 % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }
}
