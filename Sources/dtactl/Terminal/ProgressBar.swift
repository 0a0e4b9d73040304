import DTASystem

/// Shows the progress of a long operation on standard error, if that is a terminal; otherwise nothing.
struct ProgressBar {
    private let total: UInt64?
    private let isShown: Bool
    private let began = monotonicNanoseconds()
    private var lastShown: UInt64 = 0
    private var done: UInt64 = 0

    private static let interval: UInt64 = 100_000_000

    /// - Parameter total: bytes; nil if that is not known.
    init(total: UInt64?, isShown: Bool = true) {
        self.total = total
        self.isShown = isShown && Terminal.error.isTerminal
    }

    mutating func advance(by bytes: Int) {
        done += UInt64(bytes)
        guard isShown else { return }
        let now = monotonicNanoseconds()
        guard now - lastShown >= ProgressBar.interval else { return }
        lastShown = now
        StandardError.replaceLine(
            ProgressBar.text(
                done: done, total: total, seconds: Double(now - began) / 1e9, width: Terminal.error.width ?? 80))
    }

    /// Removes the line.
    func end() {
        if isShown, lastShown > 0 { StandardError.clearLine() }
    }

    /// `[####      ]  42 %  430 MiB of 1 GiB  310 MiB/s  2 s left`, as much of it as fits.
    static func text(done: UInt64, total: UInt64?, seconds: Double, width: Int) -> String {
        let rate = seconds > 0 ? Double(done) / seconds : 0
        let speed = "\(HumanUnits.size(UInt64(rate)))/s"
        guard let total, total > 0 else { return "\(HumanUnits.size(done))  \(speed)" }
        let share = min(1, Double(done) / Double(total))
        let left = rate > 0 ? Int64((Double(total) - Double(min(done, total))) / rate) : 0
        let words =
            "\(Int(share * 100)) %  \(HumanUnits.size(done)) of \(HumanUnits.size(total))  \(speed)  "
            + "\(HumanUnits.span(seconds: left)) left"
        let room = min(30, width - DisplayWidth.of(words) - 5)
        guard room >= 5 else { return DisplayWidth.fit(words, to: max(1, width - 1), cut: .end) }
        let filled = Int(share * Double(room))
        return "[" + String(repeating: "#", count: filled) + String(repeating: " ", count: room - filled) + "]  "
            + words
    }
}
