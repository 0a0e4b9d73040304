import DTASystem

extension Configuration {
    /// What this host does with orders whose fiduciary it is.
    public struct Orders: Sendable, Equatable {
        /// Whether a step is done automatically or waits for a person.
        public enum Way: String, Sendable, CaseIterable { case auto, manual }

        /// Which orders are accepted, and how. The first rule that fits an order decides.
        public struct Rule: Sendable, Equatable {
            /// Patterns of this host's names for the principal, which must be trusted here; empty: all that are
            /// trusted.
            public var from: [String] = []
            /// Whether the principal need not be trusted here.
            public var fromAnybody = false
            /// The types of order; empty: all that there are.
            public var types: [String] = []
            public var commit = Way.manual
            public var release = Way.manual
            /// Its line in the file.
            public var line = 0

            public init() {}
        }

        public var accept: [Rule] = [Rule()]
        /// After a destruction, how long other orders' secrets may stay under the same key: then that key is destroyed.
        public var resealWithinSeconds = 86_400
        /// How many orders each user may make, or bring here.
        public var ordersPerUser = 1_000_000

        public init() {}
    }

    mutating func readOrders(_ top: inout Section, file: String) throws {
        var section = try top.section("orders")
        orders.resealWithinSeconds =
            try section.int("reseal_within_s", in: 0...31_536_000) ?? orders.resealWithinSeconds
        orders.ordersPerUser = try section.int("orders_per_user", in: 0...1_000_000_000) ?? orders.ordersPerUser
        if section.has("accept") {
            orders.accept = try section.sections("accept").map { line, section in
                try Orders.Rule(section, line: line, file: file)
            }
        }
        try section.finish()
    }
}

extension Configuration.Orders.Rule {
    /// In `from`: every principal.
    private static let anybody = "anybody"

    fileprivate init(_ section: Section, line: Int, file: String) throws {
        var section = section
        self.init()
        self.line = line
        from = try section.strings("from") ?? []
        types = try section.strings("types") ?? []
        commit = try section.choice("commit", Configuration.Orders.Way.self) ?? commit
        release = try section.choice("release", Configuration.Orders.Way.self) ?? release
        try section.finish()
        if from.contains(Self.anybody) {
            guard from.count == 1 else {
                throw DTAError(.invalidArgument, "\(file):\(line): beside anybody, from: names no others")
            }
            from = []
            fromAnybody = true
        }
    }
}
