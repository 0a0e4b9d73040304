/// How many items each user owns.
package struct OwnerCounts: Sendable {
    private var counts: [UInt32: Int] = [:]

    package init() {}

    package subscript(owner: Owner) -> Int { counts[owner.uid, default: 0] }

    package mutating func add(_ owner: Owner) { counts[owner.uid, default: 0] += 1 }

    package mutating func remove(_ owner: Owner) {
        let left = self[owner] - 1
        counts[owner.uid] = left > 0 ? left : nil
    }
}
