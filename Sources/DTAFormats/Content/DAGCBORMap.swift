extension DAGCBOR {
    /// A map from text to values in canonical order: shorter keys first, then by their bytes. Keys are told apart by
    /// their bytes.
    public struct Map: Hashable, Sendable, ExpressibleByDictionaryLiteral {
        public struct Entry: Hashable, Sendable {
            public let key: String
            public var value: Value

            public static func == (one: Entry, other: Entry) -> Bool {
                one.key.utf8.elementsEqual(other.key.utf8) && one.value == other.value
            }

            public func hash(into hasher: inout Hasher) {
                hasher.combine(Array(key.utf8))
                hasher.combine(value)
            }
        }

        public private(set) var entries: [Entry]

        public init() { entries = [] }

        /// A key that is written twice has the later value.
        public init(dictionaryLiteral elements: (String, Value)...) {
            self.init()
            for (key, value) in elements { self[key] = value }
        }

        /// For the decoder, which has checked the order.
        init(inOrder entries: [Entry]) { self.entries = entries }

        public var count: Int { entries.count }

        public subscript(key: String) -> Value? {
            get {
                let (index, found) = place(of: key)
                return found ? entries[index].value : nil
            }
            set {
                let (index, found) = place(of: key)
                switch (found, newValue) {
                case (true, let value?): entries[index].value = value
                case (true, nil): entries.remove(at: index)
                case (false, let value?): entries.insert(Entry(key: key, value: value), at: index)
                case (false, nil): break
                }
            }
        }

        /// The index of a key, or the one that it would have.
        private func place(of key: String) -> (index: Int, found: Bool) {
            var low = 0
            var high = entries.count
            while low < high {
                let middle = (low + high) / 2
                if Map.precedes(entries[middle].key, key) { low = middle + 1 } else { high = middle }
            }
            return (low, low < entries.count && entries[low].key.utf8.elementsEqual(key.utf8))
        }

        static func precedes(_ one: String, _ other: String) -> Bool {
            let (a, b) = (one.utf8, other.utf8)
            return a.count != b.count ? a.count < b.count : a.lexicographicallyPrecedes(b)
        }
    }
}
