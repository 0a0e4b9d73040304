/// The threads that wait for the HSM in a pool.
///
/// As many as there are processes may wait: fewer cannot keep the HSM busy. If all wait, the spare worker, which
/// watches for that, must step in.
struct CustodyDrivers {
    private var count = 0
    /// Jobs that were run, ever.
    private(set) var completed: UInt64 = 0
    private var isWatched = false

    /// - Parameter size: how many processes there are to be.
    func areExhausted(size: Int) -> Bool { count >= size }

    /// - Returns: whether the spare worker has to be told.
    mutating func begin(size: Int) -> Bool {
        count += 1
        guard isWatched, areExhausted(size: size) else { return false }
        isWatched = false
        return true
    }

    mutating func end() {
        count -= 1
        completed &+= 1
    }

    /// - Returns: whether the spare worker will be told; false: all wait already.
    mutating func watch(size: Int) -> Bool {
        isWatched = !areExhausted(size: size)
        return isWatched
    }
}
