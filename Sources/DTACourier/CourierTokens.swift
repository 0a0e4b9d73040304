import DTAHTTP
import DTASystem

/// The bearer tokens (RFC 6750) for gateways: each is sent to one origin only, so another gateway never gets it.
public struct CourierTokens: Sendable {
    /// Files, by origin.
    private var files: [String: String] = [:]

    public init() {}

    /// - Parameters: `url`: of the gateway, without a path; `file`: with the token.
    /// - Throws: `DTAError.invalidArgument` if it is no origin, may get no token, or has one already.
    public mutating func add(_ url: String, file: String) throws {
        let address: HTTPAddress
        do {
            address = try HTTPAddress(url)
        } catch {
            throw DTAError(
                .invalidArgument, "what a token is for \(error.reason), unlike \(ForeignText.quoted(url))",
                hint: "https://bank.example, without a path: a token is for all of a host's port")
        }
        guard address.transport != .plain else {
            throw DTAError(
                .invalidArgument,
                "a token for \(url) would go over a network without TLS, readable by others on the network",
                hint: "use https://")
        }
        guard files.updateValue(file, forKey: address.origin) == nil else {
            throw DTAError(.invalidArgument, "there are two tokens for \(address.origin)")
        }
    }

    /// Reads `URL=FILE`.
    public mutating func add(_ pair: String) throws {
        guard let equals = pair.firstIndex(of: "="), equals != pair.startIndex,
            pair.index(after: equals) != pair.endIndex
        else {
            throw DTAError(
                .invalidArgument, "\(ForeignText.quoted(pair)) does not say to which gateway the token goes",
                hint: "URL=FILE, such as https://bank.example=/etc/dta/bank-token")
        }
        try add(String(pair[..<equals]), file: String(pair[pair.index(after: equals)...]))
    }

    /// The file with the token for a gateway; nil if there is none for it.
    func file(for address: HTTPAddress) -> String? {
        // On a network without TLS others could read it, also if the user allowed http://.
        address.transport == .plain ? nil : files[address.origin]
    }

    /// Reads each token once, to find errors beforehand.
    /// - Returns: how many there are.
    /// - Throws: `DTAError.failedPrecondition` that names the file and what is wrong with it.
    public func check() throws -> Int {
        for file in files.values { _ = try CourierTokens.header(file) }
        return files.count
    }

    static func header(_ file: String) throws -> SecretBytes {
        try HTTPSecret.header(.bearer, file: file, what: "the token for the gateway")
    }
}
