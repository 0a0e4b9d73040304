import DTAFormats
import Testing

@testable import DTACourier

/// What is sent of a long history, told by a chain of made-up names.
@Suite struct BacklogTests {
    private static let chain = (0..<20_001).map { CID(hashing: Array("part \($0)".utf8), codec: .dagCBOR) }
    private static let places = Dictionary(uniqueKeysWithValues: chain.enumerated().map { ($1, $0) })

    /// - Parameter known: how many of the chain the other side has.
    /// - Returns: the places of what is sent, and how often the other side was asked.
    private func backlog(of places: [Int], known: Int) throws -> (sent: [Int], asked: Int) {
        let chain = BacklogTests.chain
        nonisolated(unsafe) var asked = 0
        func place(_ cid: CID) throws -> Int { try #require(BacklogTests.places[cid]) }
        var backlog = Backlog { cid in
            let place = try place(cid)
            return place == 0 ? nil : chain[place - 1]
        } isKnown: { cid in
            asked += 1
            return try place(cid) < known
        }
        for place in places { try backlog.add(chain[place]) }
        return (try backlog.parts.map(place), asked)
    }

    @Test(
        "of a thread of 20,000 parts only those are sent that the other side lacks, and few are asked for",
        arguments: [1, 2, 17, 300, 9999, 10_000, 19_900, 19_983, 19_984, 19_999, 20_000])
    func missing(known: Int) throws {
        let (sent, asked) = try backlog(of: [20_000], known: known)
        // So few before the part go without a question.
        #expect(sent == Array(min(known, 20_000)...20_000), "\(known)")
        #expect(asked <= 30, "\(known): \(asked)")
    }

    @Test("if the other side knows nothing, all parts are sent from the beginning, each behind what it continues")
    func nothing() throws {
        let (sent, asked) = try backlog(of: [20_000], known: 0)
        #expect(sent == Array(0...20_000))
        #expect(asked <= 30)
    }

    @Test("a courier asks the other side neither about a short thread nor about what goes along")
    func short() throws {
        let (sent, asked) = try backlog(of: [3, 4, 5], known: 2)
        #expect(sent == [0, 1, 2, 3, 4, 5] && asked == 0)
        let (next, askedNext) = try backlog(of: [20_000, 19_999, 19_998], known: 19_998)
        #expect(next == [19_998, 19_999, 20_000])
        #expect(askedNext > 0 && askedNext <= 30)
    }
}
