/// A number with what it counts, as in "1 key" and "2 keys".
/// - Parameter many: what several are called; nil: `one` with an s.
public func counted(_ number: Int, _ one: String, _ many: String? = nil) -> String {
    "\(number) \(number == 1 ? one : many ?? one + "s")"
}
