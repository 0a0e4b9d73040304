import DTACourier
import DTASystem
import Foundation
import TestSupport
import Testing

/// A gateway behind TLS that wants to know who comes.
@Suite(.ownThread) struct MutualTLSTests {
    @Test("a gateway is believed by its authority, and believes a courier by his certificate")
    func mutual() throws {
        let files = try TemporaryDirectory()
        try certificate("gateway", "IP:127.0.0.1", files)
        try certificate("courier", "DNS:courier.example", files)
        try certificate("stranger", "DNS:stranger.example", files)
        let port = try start(files)
        func deliver(_ name: String?, authority: String = "gateway", keyInOneFile: Bool = false) throws -> [UInt8]? {
            var options = HTTPCourier.Options()
            options.certificateAuthorities = files.file("\(authority).pem")
            options.clientCertificate = name.map { files.file("\($0).\(keyInOneFile ? "both" : "pem")") }
            options.clientKey = keyInOneFile ? nil : name.map { files.file("\($0).key") }
            return try HTTPCourier("https://127.0.0.1:\(port)/dta", options).deliver([1, 2])
        }
        #expect(try deliver("courier") == Array("/dta/v1/courier 2".utf8))
        try files.write("courier.both", try text(files, "courier.key") + text(files, "courier.pem"))
        #expect(try deliver("courier", keyInOneFile: true) == Array("/dta/v1/courier 2".utf8))
        #expect(try #require(throws: DTAError.self) { _ = try deliver(nil) }.code == .unavailable)
        #expect(try #require(throws: DTAError.self) { _ = try deliver("stranger") }.code == .unavailable)
        // Who stands between with a certificate of his own gets nothing.
        #expect(
            try #require(throws: DTAError.self) { _ = try deliver("courier", authority: "stranger") }.code
                == .unavailable
        )
    }

    private func text(_ files: TemporaryDirectory, _ name: String) throws -> String {
        try String(contentsOfFile: files.file(name), encoding: .utf8)
    }

    private func certificate(_ name: String, _ host: String, _ files: TemporaryDirectory) throws {
        let made = try run(
            "openssl",
            [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                "-subj", "/CN=\(name)", "-addext", "subjectAltName=\(host)", "-keyout", files.file("\(name).key"),
                "-out", files.file("\(name).pem"),
            ])
        guard made.status == 0 else { throw TestFailure("openssl: \(made.errors)") }
    }

    /// Answers every POST with its path and the length of its body.
    private func start(_ files: TemporaryDirectory) throws -> UInt16 {
        let program = """
            import http.server, ssl, sys
            class Handler(http.server.BaseHTTPRequestHandler):
                def do_POST(self):
                    body = f"{self.path} {len(self.rfile.read(int(self.headers['Content-Length'])))}".encode()
                    self.send_response(200)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                def log_message(self, *_): pass
            server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(sys.argv[1], sys.argv[2])
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(sys.argv[3])
            server.socket = context.wrap_socket(server.socket, server_side=True)
            with open(sys.argv[4] + ".tmp", "w") as file: file.write(str(server.server_address[1]))
            import os; os.rename(sys.argv[4] + ".tmp", sys.argv[4])
            server.serve_forever()
            """
        let ready = files.file("port")
        let process = try Subprocess(
            "python3",
            ["-c", program] + ["gateway.pem", "gateway.key", "courier.pem"].map(files.file) + [ready])
        running.withLock { $0.append(process) }
        try eventually("the server with TLS") { access(ready, F_OK) == 0 }
        guard let port = UInt16(try text(files, "port")) else { throw TestFailure("the server tells no port") }
        return port
    }

    /// Ended with this process.
    private let running = Locked<[Subprocess]>([])
}
