import DTAKubo
import DTASystem
import Foundation
import TestSupport
import Testing

/// A node behind TLS, as for instance a web server in front of it would be.
@Suite(.ownThread) struct TLSTests {
    @Test("the certificate of an IPFS node counts if the configured authority vouches for it, and for that host only")
    func certificates() throws {
        let files = try TemporaryDirectory()
        try certificate("right", "IP:127.0.0.1", files)
        try certificate("other", "DNS:elsewhere.example", files)
        for (name, trusted, works) in [("right", "right", true), ("right", "other", false), ("other", "other", false)] {
            let server = try Server(files, name)
            let api = "https://127.0.0.1:\(server.port)"
            let client = try client(api) { $0.certificateAuthorities = files.file("\(trusted).pem") }
            if works {
                #expect(try client.version() == "0.39.0")
                // Without a named authority, this host's own decide, which know none of this.
                #expect(try failure { _ = try KuboTests.client(api).version() }.kind == .unreachable)
            } else {
                #expect(try failure { _ = try client.version() }.kind == .unreachable, "\(name) by \(trusted)")
            }
        }
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

    /// Answers every POST with a version.
    private final class Server {
        let port: UInt16
        private let process: Subprocess

        init(_ files: TemporaryDirectory, _ name: String) throws {
            let program = """
                import http.server, ssl, sys
                class Handler(http.server.BaseHTTPRequestHandler):
                    def do_POST(self):
                        body = b'{"Version":"0.39.0"}'
                        self.send_response(200)
                        self.send_header("Content-Length", str(len(body)))
                        self.end_headers()
                        self.wfile.write(body)
                    def log_message(self, *_): pass
                server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(sys.argv[2], sys.argv[3])
                server.socket = context.wrap_socket(server.socket, server_side=True)
                open(sys.argv[4], "w").close()
                server.serve_forever()
                """
            port = try freePort()
            let ready = files.file("ready-\(port)")
            process = try Subprocess(
                "python3", ["-c", program, "\(port)", files.file("\(name).pem"), files.file("\(name).key"), ready])
            try eventually("the server with TLS") { access(ready, F_OK) == 0 }
        }
    }
}
