import DTASystem

/// How often a second `body` can be done, for about `seconds`, after a try that is not counted.
func rate(seconds: Double, _ body: () throws -> Void) rethrows -> Double {
    try body()
    let begin = monotonicNanoseconds()
    let end = begin + UInt64(seconds * 1e9)
    var count = 0
    repeat {
        try body()
        count += 1
    } while monotonicNanoseconds() < end
    return Double(count) / elapsed(since: begin)
}

func elapsed(since begin: UInt64) -> Double { Double(monotonicNanoseconds() - begin) / 1e9 }
