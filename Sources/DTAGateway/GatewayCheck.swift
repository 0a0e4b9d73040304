import AgentProtocol
import DTASystem
import Foundation
import Logging
import NIOSSL

/// Checks all that `run` needs, and reports what is in order and what is not.
public struct GatewayCheck: Sendable {
    public struct Finding: Sendable, Equatable {
        public enum Verdict: String, Sendable {
            case good = "ok"
            case warning = "warn"
            case bad = "FAIL"
        }

        public let verdict: Verdict
        public let subject: String
        public let text: String
        public var hint = ""
    }

    private let configuration: GatewayConfiguration
    public private(set) var findings: [Finding] = []

    public init(_ configuration: GatewayConfiguration) { self.configuration = configuration }

    public mutating func run() async {
        good("configuration", configuration.node.rawValue)
        checkListening()
        checkTLS()
        checkAsking()
        await checkKeys()
        checkCarrying()
        await checkAgent()
    }

    private mutating func good(_ subject: String, _ text: String) { add(.good, subject, text) }

    private mutating func add(_ verdict: Finding.Verdict, _ subject: String, _ text: String, hint: String = "") {
        findings.append(Finding(verdict: verdict, subject: subject, text: text, hint: hint))
    }

    private mutating func attempt<Value>(_ subject: String, _ body: () throws -> Value) -> Value? {
        do {
            return try body()
        } catch {
            let error = DTAError(error)
            add(.bad, subject, error.message, hint: error.hint)
            return nil
        }
    }

    private mutating func checkListening() {
        let places = configuration.listen.map(\.description)
        good("listen", places.isEmpty ? "on the sockets that systemd passes" : places.joined(separator: " "))
        if let metrics = configuration.metrics { good("metrics", "\(metrics), without authentication") }
        let proxies = configuration.proxies
        guard proxies.hasUnixSocket || !proxies.networks.isEmpty else { return }
        good("proxies", "may stand for others; client_address: \(proxies.clientAddress.rawValue)")
    }

    // MARK: Certificates

    private mutating func checkTLS() {
        guard let tls = configuration.tls else {
            return good("TLS", configuration.isBehindProxy ? "something before the gateway has it" : "none")
        }
        let hasTokens = configuration.authentication.token != nil
        guard attempt("TLS", { try TLSConfiguration(tls, hasTokens: hasTokens) }) != nil else { return }
        check("TLS", tls.certificate, key: "tls.certificate", onlyFirst: true)
        if let peers = tls.peers { check("peers", peers, key: "tls.peers") }
    }

    private static let day: Int64 = 86_400

    /// Whether certificates are valid now and for some time.
    private mutating func check(_ subject: String, _ path: String, key: String, onlyFirst: Bool = false) {
        guard let certificates = attempt(subject, { try Certificates.read(path, key: key) }) else { return }
        let now = Int64(time(nil))
        let relevant = onlyFirst ? certificates.prefix(1) : certificates[...]
        let ends = relevant.map { Int64($0.notValidAfter) }
        let what = onlyFirst ? "the certificate \(path)" : "\(certificates.count) in \(path)"
        if let late = relevant.map({ Int64($0.notValidBefore) }).max(), late > now {
            add(.bad, subject, "\(what): not valid before \(timestamp(late))", hint: "is this host's clock right?")
        } else if let first = ends.min(), first < now {
            // One authority of several may end while others take its place.
            let isWhole = onlyFirst || ends.allSatisfy { $0 < now }
            add(isWhole ? .bad : .warning, subject, "\(what): expired at \(timestamp(first))", hint: "have it renewed")
        } else if let first = ends.min(), first < now + 14 * GatewayCheck.day {
            add(.warning, subject, "\(what): expires at \(timestamp(first))", hint: "have it renewed")
        } else {
            good(subject, what + (ends.min().map { ", valid until \(timestamp($0))" } ?? ""))
        }
    }

    // MARK: Who may ask

    private mutating func checkAsking() {
        var ways: [String] = []
        if configuration.authentication.none { ways.append("all who can connect") }
        if let token = configuration.authentication.token {
            ways.append(
                "bearers of tokens of \(token.issuer) for \(token.audience)"
                    + (token.requiresIdentity
                        ? ", with \(token.identityClaim) or the scope \(token.operatorScope)" : ""))
        }
        if configuration.tls?.peers != nil { ways.append("peers, to carry") }
        good("who may ask", ways.joined(separator: "; "))
        if let token = configuration.authentication.token, !token.requiresIdentity {
            add(
                .warning, "who may ask",
                "a token without \(token.identityClaim) may do all that the gateway may: identity_required is false",
                hint: "leave identity_required out, and give operators' tokens the scope \(token.operatorScope)")
        }
    }

    private mutating func checkKeys() async {
        guard let token = configuration.authentication.token else { return }
        do {
            let set = try KeySet(try await KeyFetcher(token).fetch())
            let usable = set.keys.filter { token.algorithms.contains($0.algorithm) }
            guard !usable.isEmpty else {
                let names = Set(set.keys.map(\.algorithm.rawValue)).sorted().joined(separator: ", ")
                return add(
                    .bad, "issuer's keys", "\(token.place) has keys for \(names) alone, which algorithms does not allow"
                )
            }
            let names = Set(usable.map(\.algorithm.rawValue)).sorted().joined(separator: ", ")
            good("issuer's keys", "\(usable.count) of \(token.place) can be used, for \(names)")
            for key in set.skipped { add(.warning, "issuer's keys", "key \(key.place) is not used: it \(key.reason)") }
        } catch let error as KeySet.Malformed {
            add(
                .bad, "issuer's keys", "\(token.place) cannot be used: \(error.reason)",
                hint: "no token can be verified")
        } catch {
            let error = DTAError(error)
            add(.bad, "issuer's keys", error.message, hint: error.hint)
        }
    }

    // MARK: Others

    private mutating func checkCarrying() {
        let orders = configuration.orders
        if let path = orders.certificateAuthorities { check("carrying", path, key: "orders.ca_file") }
        if let path = orders.certificate {
            check("carrying", path, key: "orders.certificate", onlyFirst: true)
            if let key = orders.key { _ = attempt("carrying", { try Certificates.privateKey(key, key: "orders.key") }) }
        }
        guard let count = attempt("tokens", { try orders.tokens.check() }), count > 0 else { return }
        good("tokens", "\(count) for other gateways can be read")
    }

    private mutating func checkAgent() async {
        do {
            let fields = try await AgentClient(socketPath: configuration.agent).status()
            let state = fields.first { $0.name == "state" }?.value ?? ""
            good("agent", "\(state), at \(configuration.agent)")
        } catch let error as AgentUnreachable {
            add(.bad, "agent", error.error.message, hint: error.error.hint(HintText.of))
        } catch {
            let error = DTAError(error)
            add(.bad, "agent", error.message, hint: error.hint(HintText.of))
        }
    }
}

extension GatewayConfiguration.Token {
    /// The place of the keys.
    var place: String {
        switch keys {
        case .file(let path): path
        case .url(let url): url
        }
    }
}
