import DTABytes
import DTAFormats
import DTASystem

extension PluginExamination {
    // MARK: Every hook, as dtad calls it

    func examineHooks() {
        guard let plugin else { return }
        var order: PluginOrder?
        claim("it accepts an order") {
            let made = try self.order(plugin)
            try plugin.check(made)
            if case .refused(let error) = try ask(.validate(made)) {
                let reason = "it refuses: \(error.message)"
                guard given.isEmpty else { throw DTAError(.invalidArgument, reason) }
                throw Ending.skipped("\(reason): give an order's fields")
            }
            try plugin.validate(made)
            order = made
            return ""
        }
        guard var order else { return }
        var state = SecretReference(copying: [])
        claim("it makes a commitment") {
            guard let made = try plugin.commit(order) else { return "" }
            state = made.state
            guard plugin.keeps == .plugin else { return "\(made.fields.count) fields" }
            order.commitment = made.commitment
            return "\(made.commitment.count) bytes, with \(made.state.count) bytes of state"
        }
        var prepared = false
        claim("it judges a redemption") {
            if case .refused(let error) = try ask(.prepare(order, try redemption())) {
                throw Ending.noted("it refuses: \(error.message)")
            }
            try plugin.prepare(order, try redemption())
            prepared = true
            return ""
        }
        let line = PluginRequest.release(
            order, .init(cid: Self.cid("3"), use: 1, redeemer: Self.cid("p")), state: state)
        guard plugin.keeps == .plugin else {
            claim("it refuses to release: the agent keeps the secret") { try refused(line, line.line) }
            return
        }
        claim("it gives the same result twice") {
            guard prepared else { throw Ending.skipped("it refuses the redemption") }
            let first = try plugin.release(order, try redemption(), state: state)
            guard first == (try plugin.release(order, try redemption(), state: state)) else {
                throw PluginFailure.lies("it gives another result for the same redemption")
            }
            return first.keys.sorted().joined(separator: ", ")
        }
        claim("it bears a state that is not its own") {
            let request = PluginRequest.release(
                order, try redemption(), state: SecretReference(copying: Array("nothing".utf8)))
            if case .refused(let error) = try ask(request) { return "it refuses: \(error.message)" }
            return "it answers"
        }
    }

    // MARK: Hostile orders

    func examineStrangeOrders() {
        guard let plugin else { return }
        for field in plugin.fields {
            // dtad refuses these before it calls a plugin, but a plugin must not fail on them.
            let wrong: OrderFieldValue = field.kind == .integer ? .text("a") : .integer(1)
            claim("it bears \(field.name) of another kind") { try bears(plugin, [field.name: wrong]) }
            let hostile: OrderFieldValue =
                switch field.kind {
                case .text:
                    .text("\"'`$(exit 7)\\\n\r\0\u{1b}[2J\u{202e}🔑}]{[,:" + String(repeating: "a", count: 60_000))
                case .bytes: .bytes([UInt8](repeating: 0xff, count: 60_000))
                case .integer: .integer(.min)
                }
            claim("it bears a hostile \(field.name)") { try bears(plugin, [field.name: hostile]) }
        }
        claim("it bears an order without fields") { try bears(plugin, [:]) }
    }

    private func bears(_ plugin: ExternalPlugin, _ fields: [String: OrderFieldValue]) throws -> String {
        let request = PluginRequest.validate(Self.order(plugin.type, fields))
        guard case .refused(let error) = try ask(request) else { return "it accepts" }
        return error.code.name
    }

    // MARK: What it is tried with

    private static func cid(_ text: String) -> CID { CID(hashing: Array(text.utf8), codec: .dagCBOR) }

    private static func order(_ type: PluginType, _ fields: [String: OrderFieldValue]) -> PluginOrder {
        // These terms are valid: one redeemer, no approvals, no times.
        guard
            let terms = try? OrderTerms(
                fiduciary: cid("f"), principal: cid("p"), redeemers: [cid("p")], recipient: cid("p"))
        else { preconditionFailure("the terms of a plain order") }
        return PluginOrder(
            cid: cid("1"), reference: "aaaqeayeaudaocajbifqydiob4", kind: type, terms: terms, fields: fields)
    }

    private func order(_ plugin: ExternalPlugin) throws -> PluginOrder {
        var fields: [String: OrderFieldValue] = [:]
        for (name, text) in given {
            fields[name] = try Self.value(text, plugin.fields.first { $0.name == name }?.kind ?? .text, name)
        }
        for field in plugin.fields where field.isRequired && fields[field.name] == nil {
            guard given.isEmpty else {
                throw DTAError(
                    .invalidArgument, "the field \(field.name) is missing", helps: .giveField, about: field.name)
            }
            fields[field.name] =
                switch field.kind {
                case .text: .text("text")
                case .bytes: .bytes(Array(repeating: 1, count: 32))
                case .integer: .integer(1)
                }
        }
        return Self.order(plugin.type, fields)
    }

    private func redemption() throws -> PluginRedemption {
        PluginRedemption(
            cid: Self.cid("3"), use: 1, redeemer: Self.cid("p"), purpose: "a test",
            request: try asked.mapValues { try Self.value($0, .bytes, "of the request") })
    }

    private static func value(_ text: String, _ kind: PluginField.Kind, _ name: String) throws -> OrderFieldValue {
        guard let value = OrderFieldValue(text, as: kind) else {
            let form = kind == .bytes ? "bytes: hexadecimal digits, two for each" : "a whole number, not \"\(text)\""
            throw DTAError(.invalidArgument, "the field \(name) is \(form)")
        }
        return value
    }
}
