import Testing

@testable import DTACustody

@Suite("The dice of sealing")
struct SealingDiceTests {
    @Test("of the dice of sealing one throw in 2^26 makes a new key, and one in 2^12 looks for one")
    func odds() {
        #expect(SealingDice([0, 0, 0, 0]) == .advance)
        #expect(SealingDice([4, 0, 0, 0]) == .advance)
        #expect(SealingDice([0, 0, 16, 0]) == .look)
        #expect(SealingDice([2, 0, 0, 0]) == .look)
        #expect(SealingDice([0, 0, 0, 1]) == .go)
        #expect(SealingDice([0, 0, 8, 0]) == .go)
        let thrown = (0..<(1 << 16)).map { SealingDice([0, UInt8($0 >> 8), UInt8($0 & 255), 0][...]) }
        #expect(thrown.count { $0 == .look } == (1 << 16) / 16 - 1)
        #expect(thrown.count { $0 == .advance } == 1)
    }
}
