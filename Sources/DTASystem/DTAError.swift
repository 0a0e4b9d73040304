/// The stable reasons for which D-TA refuses or fails, the same on every wire; numbers never change.
public enum ErrorCode: UInt8, Sendable, CaseIterable {
    /// The request itself is wrong: repeating it cannot help.
    case invalidArgument = 1
    /// No such key, identity, block or token object.
    case notFound = 2
    /// The caller may not do this.
    case permissionDenied = 3
    /// The HSM, or another needed part, is away or too slow: trying again later may help.
    case unavailable = 4
    /// A bound was reached: requests in flight, connections, keys, space.
    case resourceExhausted = 5
    /// The state does not allow it: a name is taken, a mechanism is missing.
    case failedPrecondition = 6
    /// Stored or received data is damaged or forged.
    case dataLoss = 7
    /// A defect in D-TA or in the software below it.
    case `internal` = 8

    /// The name that people and other languages see.
    public var name: String {
        switch self {
        case .invalidArgument: "INVALID_ARGUMENT"
        case .notFound: "NOT_FOUND"
        case .permissionDenied: "PERMISSION_DENIED"
        case .unavailable: "UNAVAILABLE"
        case .resourceExhausted: "RESOURCE_EXHAUSTED"
        case .failedPrecondition: "FAILED_PRECONDITION"
        case .dataLoss: "DATA_LOSS"
        case .internal: "INTERNAL"
        }
    }
}

/// An error for people and programs: a stable code, a sentence with the reason, and what helps: for programs a `Hint`, for
/// people a sentence. It is thrown where the code is known, and translated once, at the socket. It never holds a secret.
public struct DTAError: Error, Sendable, Equatable, CustomStringConvertible {
    public var code: ErrorCode
    public var message: String
    /// What helps, in words that fit any client; may be "".
    public var hint: String
    /// The same as facts, which each program says in its own words; empty for what needs no other words.
    public var hints: [Hint] = []
    /// A word for the audit record, if the code says too little; it goes nowhere else. "": none.
    public var why = ""

    public init(_ code: ErrorCode, _ message: String, hint: String = "") {
        self.code = code
        self.message = message
        self.hint = hint
    }

    /// An error against which something helps that clients ask for in different ways.
    /// - Parameter subject: an order's reference or a field's name, for the hints that are about one.
    public init(
        _ code: ErrorCode, _ message: String, helps first: HintCode, _ more: HintCode..., about subject: String = ""
    ) {
        let hints = ([first] + more).map { Hint($0, subject) }
        self.init(code, message, hint: hints.text())
        self.hints = hints
    }

    /// The same error with another sentence: what helps stays.
    public func saying(_ message: String) -> DTAError {
        var error = self
        error.message = message
        return error
    }

    /// The same error with a word for its record.
    public func recorded(_ why: String) -> DTAError {
        var error = self
        error.why = why
        return error
    }

    /// What helps, as one program says it.
    /// - Parameter words: how it says a hint.
    public func hint(_ words: (Hint) -> String) -> String { hints.isEmpty ? hint : hints.text(words) }

    public var description: String {
        hint.isEmpty ? "\(code.name): \(message)" : "\(code.name): \(message) (\(hint))"
    }

    /// Any error as a `DTAError`: others become `internal`.
    public init(_ error: any Error) {
        if let known = error as? DTAError {
            self = known
        } else {
            self.init(.internal, "\(error)")
        }
    }
}
