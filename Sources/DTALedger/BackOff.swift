/// How long to wait after failures: twice as long each time up to a limit, and each time a random part of that, so that
/// many hosts that wait for one node do not all come at once.
struct BackOff {
    static let firstMilliseconds: Int64 = 250
    let longestMilliseconds: Int64

    /// - Parameter failures: in a row, at least one.
    func delay(after failures: Int) -> Int64 {
        let doublings = min(max(failures - 1, 0), 32)
        let full = min(BackOff.firstMilliseconds << doublings, longestMilliseconds)
        return Int64.random(in: max(full / 2, 1)...max(full, 1))
    }
}
