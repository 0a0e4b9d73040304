import DTABytes
import DTAFormats
import Testing

@Suite("What happened to an order")
struct OrderChronologyTests {
    private typealias Part = OrderChronology<String>.Part

    /// Two requests for use 1, of which the first was refused, and one for use 2.
    private func parts(at times: [String: Int64] = [:], _ arrivals: [String: Int] = [:]) -> [Part] {
        let all: [(String, OrderPartKind, String?)] = [
            ("order", .order, nil), ("commitment", .commitment, "order"), ("deposit", .deposit, "commitment"),
            ("first", .redemption, "commitment"), ("no", .refusal, "first"), ("second", .redemption, "commitment"),
            ("consent", .approval, "second"), ("yes", .release, "second"), ("third", .redemption, "yes"),
            ("end", .destruction, "commitment"),
        ]
        return all.map { id, kind, previous in
            Part(id: id, kind: kind, previous: previous, time: times[id] ?? 100, arrival: arrivals[id] ?? 0)
        }
    }

    private let expected = [
        "order", "commitment", "deposit", "first", "no", "second", "consent", "yes", "third", "end",
    ]

    @Test(
        "in one second a refused request stands with its answer before the next request, in whatever order they are told"
    )
    func oneSecond() {
        let all = parts()
        for shift in all.indices {
            let told = Array(all[shift...] + all[..<shift])
            #expect(OrderChronology(told).order == expected)
            #expect(OrderChronology(Array(told.reversed())).order == expected)
        }
    }

    @Test("in what happened to an order times decide before kinds, and what somebody saw first comes first")
    func times() {
        let late = OrderChronology(
            parts(at: [
                "deposit": 130, "first": 110, "no": 112, "second": 120, "consent": 121, "yes": 122, "third": 123,
            ]))
        #expect(
            late.order == [
                "order", "commitment", "end", "first", "no", "second", "consent", "yes", "third", "deposit",
            ])
        let seen = OrderChronology(parts(at: [:], ["order": 1, "commitment": 2, "second": 3, "first": 4, "no": 5]))
        let second = seen.order.firstIndex(of: "second") ?? .max
        #expect(second < seen.order.firstIndex(of: "first") ?? 0)
        #expect(seen.number(of: "first") == .init(use: 1, attempt: 2))
    }

    @Test("a clock that is wrong puts nothing before what it answers")
    func clocks() {
        let order = OrderChronology(parts(at: ["no": 3, "yes": 1, "third": 2, "commitment": 50])).order
        for part in parts() {
            guard let previous = part.previous else { continue }
            #expect(order.firstIndex(of: previous) ?? .max < order.firstIndex(of: part.id) ?? 0, "\(part.id)")
        }
    }

    @Test("requests for one use of an order are counted, and their answers have their numbers")
    func numbers() {
        let chronology = OrderChronology(parts())
        for (id, use, attempt) in [
            ("order", 0, 1), ("deposit", 0, 1), ("first", 1, 1), ("no", 1, 1), ("second", 1, 2), ("consent", 1, 2),
            ("yes", 1, 2), ("third", 2, 1), ("end", 0, 1), ("nobody", 0, 1),
        ] {
            #expect(chronology.number(of: id) == .init(use: use, attempt: attempt), "\(id)")
        }
    }

    @Test("parts of an order with links in a circle, links to nothing or unknown kinds end nowhere but in the list")
    func hostile() {
        let parts = [
            Part(id: "a", kind: .redemption, previous: "b", time: 1),
            Part(id: "b", kind: .release, previous: "a", time: 2),
            Part(id: "c", kind: nil, previous: "c", time: .max),
            Part(id: "d", kind: .approval, previous: "x", time: .min),
            Part(id: "d", kind: .order, previous: nil, time: 0),
        ]
        #expect(Set(OrderChronology(parts).order) == ["a", "b", "c", "d"])
        #expect(OrderChronology<String>([]).order.isEmpty)
        // Longer than any stack.
        let thread = (0..<100_000).map { number in
            Part(
                id: "\(number)", kind: .redemption, previous: number == 0 ? nil : "\(number - 1)", time: Int64(-number))
        }
        #expect(OrderChronology(thread.reversed()).order == thread.map(\.id))
    }

    @Test("a moment is told in UTC as RFC 3339 writes it, and a number that is none as a number")
    func moments() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"), (951_782_399, "2000-02-28T23:59:59Z"), (951_782_400, "2000-02-29T00:00:00Z"),
            (1_796_033_074, "2026-11-30T10:04:34Z"), (253_402_300_799, "9999-12-31T23:59:59Z"),
            (253_402_300_800, "@253402300800"), (-1, "@-1"), (.min, "@\(Int64.min)"), (.max, "@\(Int64.max)"),
        ] as [(Int64, String)] {
            #expect(UTCTime.text(seconds) == text)
        }
    }
}
