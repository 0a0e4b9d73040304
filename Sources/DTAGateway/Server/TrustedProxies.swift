import Glibc

/// The proxies between clients and the gateway, and how they tell their clients' addresses.
public struct TrustedProxies: Sendable, Equatable {
    /// How a proxy tells a client's address. A client could forge an address that the proxy does not set itself.
    public enum ClientAddress: String, Sendable, CaseIterable {
        /// It does not: all its clients count under its own address.
        case none
        /// In the field X-Forwarded-For, to which it adds the last address: a proxy for HTTP.
        case forwarded = "x-forwarded-for"
        /// In a header at the start of a connection: a proxy for TCP.
        case proxyProtocol = "proxy-protocol"
    }

    /// One address, or a network in the notation of RFC 4632.
    struct Network: Sendable, Equatable {
        /// 16 bytes, IPv4 as IPv4-mapped IPv6.
        private let bytes: [UInt8]
        private let bits: Int

        init?(_ text: String) {
            let parts = text.split(separator: "/", omittingEmptySubsequences: false)
            guard parts.count <= 2, let bytes = Network.bytes(String(parts[0])) else { return nil }
            let whole = parts[0].contains(":") ? 128 : 32
            guard parts.count == 2 else {
                (self.bytes, bits) = (bytes, 128)
                return
            }
            guard let length = Int(parts[1]), "\(length)" == parts[1], (1...whole).contains(length) else { return nil }
            (self.bytes, bits) = (bytes, length + 128 - whole)
        }

        /// - Returns: nil for malformed text.
        static func bytes(_ text: String) -> [UInt8]? {
            var result = [UInt8](repeating: 0, count: 16)
            if text.contains(":") { return inet_pton(AF_INET6, text, &result) == 1 ? result : nil }
            var four = [UInt8](repeating: 0, count: 4)
            guard inet_pton(AF_INET, text, &four) == 1 else { return nil }
            return [UInt8](repeating: 0, count: 10) + [0xff, 0xff] + four
        }

        func contains(_ address: [UInt8]) -> Bool {
            let (full, rest) = (bits / 8, bits % 8)
            guard bytes.prefix(full) == address.prefix(full) else { return false }
            return rest == 0 || (bytes[full] ^ address[full]) >> UInt8(8 - rest) == 0
        }
    }

    /// The word for every client of a Unix socket.
    static let unixSocket = "unix"

    var networks: [Network] = []
    var hasUnixSocket = false
    public var clientAddress = ClientAddress.none

    public init() {}

    /// - Returns: false unless it is an address, a network or `unix`.
    mutating func add(_ text: String) -> Bool {
        if text == TrustedProxies.unixSocket {
            hasUnixSocket = true
            return true
        }
        guard let network = Network(text) else { return false }
        networks.append(network)
        return true
    }

    /// - Parameter address: "" for a Unix socket.
    func contains(_ address: String) -> Bool {
        guard !address.isEmpty else { return hasUnixSocket }
        let plain = String(address.prefix { $0 != "%" })
        guard !networks.isEmpty, let bytes = Network.bytes(plain) else { return false }
        return networks.contains { $0.contains(bytes) }
    }

    /// The last address of X-Forwarded-For that is no proxy of ours.
    /// - Parameter fields: the values, in their order.
    /// - Parameter address: that of the proxy.
    func client(forwarded fields: [String], connected address: String) -> String {
        guard clientAddress == .forwarded, contains(address) else { return address }
        var client = address
        for text in fields.flatMap({ $0.split(separator: ",") }).reversed() {
            let word = String(text.filter { $0 != " " && $0 != "\t" })
            guard Network.bytes(word) != nil else { return client }
            client = word
            guard contains(word) else { return client }
        }
        return client
    }
}
