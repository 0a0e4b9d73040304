import DTAJSON
import DTASystem

/// The members of a body, read one by one. Names are those of Milagro D-TA 0.1 in any case of letters, as its own
/// reader had it. A member that was not read at the end is refused: a misspelt member must not be ignored.
struct Fields {
    private var members: [String: JSONValue] = [:]

    /// - Throws: `Problem` if it is no object, or has a name twice.
    init(_ value: JSONValue?) throws {
        guard case .object(let given) = value ?? .object([]) else {
            throw Problem.invalid("the body must be a JSON object")
        }
        for member in given {
            guard members.updateValue(member.value, forKey: member.name.lowercased()) == nil else {
                throw Problem.invalid("\(shown(member.name)) stands twice in the body")
            }
        }
    }

    private mutating func take(_ name: String) -> JSONValue? { members.removeValue(forKey: name.lowercased()) }

    mutating func text(_ name: String, _ rule: TextRule) throws -> String? {
        guard let value = take(name) else { return nil }
        guard let text = value.string, rule.accepts(text) else { throw Problem.invalid("\(name) must be \(rule.what)") }
        return text
    }

    /// One that may be left out, or be an empty text, as Go programs write absent members.
    mutating func optional(_ name: String, _ rule: TextRule) throws -> String? {
        try text(name, .orNone(rule)).flatMap { $0.isEmpty ? nil : $0 }
    }

    /// An object that must be empty: no members are known here.
    mutating func nothing(_ name: String) throws {
        guard let value = take(name) else { return }
        guard value == .object([]) else { throw Problem.invalid("\(name) has no members here") }
    }

    mutating func required(_ name: String, _ rule: TextRule) throws -> String {
        guard let text = try text(name, rule) else { throw Problem.invalid("\(name) is missing") }
        return text
    }

    mutating func integer(_ name: String, in range: ClosedRange<Int64>) throws -> Int64? {
        guard let value = take(name) else { return nil }
        guard let number = value.integer, range.contains(number) else {
            throw Problem.invalid("\(name) must be a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    mutating func texts(_ name: String, _ rule: TextRule, atMost count: Int) throws -> [String]? {
        guard let value = take(name) else { return nil }
        let items = value.array?.compactMap(\.string)
        guard let items, items.count == value.array?.count, items.count <= count, items.allSatisfy(rule.accepts) else {
            throw Problem.invalid("\(name) must be a list of at most \(count), each \(rule.what)")
        }
        return items
    }

    /// A map of names to texts, in its order. Names are read in any case of letters, as those of the body are.
    mutating func map(_ name: String, atMost count: Int = 32) throws -> [(name: String, value: String)] {
        guard let value = take(name) else { return [] }
        guard case .object(let members) = value, members.count <= count else {
            throw Problem.invalid("\(name) must be an object of at most \(count) texts")
        }
        var names: Set<String> = []
        return try members.map { member in
            guard TextRule.givenFieldName.accepts(member.name), let text = member.value.string,
                TextRule.fieldValue.accepts(text)
            else {
                throw Problem.invalid(
                    "\(name) must have names that are \(TextRule.givenFieldName.what), and values that are \(TextRule.fieldValue.what)"
                )
            }
            let lower = member.name.lowercased()
            guard names.insert(lower).inserted else { throw Problem.invalid("\(lower) stands twice in \(name)") }
            return (lower, text)
        }
    }

    func finish() throws {
        guard let unknown = members.keys.min() else { return }
        throw Problem.invalid("the body has an unknown member \(shown(unknown))", hint: "GET /openapi.json lists them")
    }
}

/// What a client sent, in a sentence of ours: short, and on one line.
func shown(_ text: String) -> String { ForeignText.quoted(text, limit: 60) }
