import DTAConfiguration
import DTASystem
import Testing

@Suite struct EndpointTests {
    @Test(
        "an endpoint of an IPFS node is a Unix socket, this host without TLS, or any host with it",
        arguments: [
            ("unix:/run/ipfs/api.sock", HTTPAddress.Transport.unix(path: "/run/ipfs/api.sock"), "http://localhost"),
            ("http://127.0.0.1:5001", .loopback, "http://127.0.0.1:5001"),
            ("http://localhost:5001/", .loopback, "http://localhost:5001"),
            ("http://[::1]:5001", .loopback, "http://[::1]:5001"),
            ("https://ipfs.example.org", .tls, "https://ipfs.example.org"),
            ("https://192.0.2.7:8443", .tls, "https://192.0.2.7:8443"),
        ])
    func accepted(_ text: String, _ transport: HTTPAddress.Transport, _ base: String) throws {
        let endpoint = try KuboEndpoint(text)
        #expect(endpoint.transport == transport && endpoint.base == base && endpoint.description == text)
    }

    @Test(
        "an endpoint that would leave this host in the clear, or is no plain address, is refused",
        arguments: [
            "http://192.0.2.7:5001", "http://ipfs.example.org", "http://127.0.0.1.example.org", "http://1270.0.0.1",
            "http://127.0.0.256", "http://localhost.example.org:5001", "http://user:password@127.0.0.1",
            "http://127.0.0.1:0", "http://127.0.0.1:65536", "http://127.0.0.1:80x", "http://127.0.0.1/api/v0",
            "https://host?x=y", "https://", "https://[::1", "unix:run/api.sock", "unix:", "ftp://127.0.0.1", "",
            "unix:/" + String(repeating: "x", count: 107),
        ])
    func refused(_ text: String) {
        #expect(throws: DTAError.self) { _ = try KuboEndpoint(text) }
    }
}
