import DTASystem
import Foundation
import Logging
import TestSupport
import Testing

@testable import DTAGateway

/// What the gateway's log says of requests.
@Suite("The gateway's access log", .ownThread, .serialized)
struct AccessLogTests {
    private static let agent = Result { try TestAgent() }

    private func lines(_ gateway: TestGateway) -> [String] {
        gateway.log.split(separator: "\n").map(String.init).filter { $0.contains(" info request ") }
    }

    @Test(
        "each request has one line in the gateway's access log, with who asked for what, and without tokens, names, CIDs and queries"
    )
    func lines() throws {
        let issuer = try TestIssuer()
        let gateway = try issuer.gateway(for: try Self.agent.get())
        let token = try issuer.token()
        #expect(try gateway.post("/v1/identity", #"{"Name":"hidden-name"}"#, bearer(token)).status == 200)
        #expect(try gateway.request("/v1/identity?perPage=77", bearer(token)).status == 200)
        #expect(try gateway.request("/v1/order/abcdefghij", bearer(token)).status == 404)
        #expect(try gateway.request("/v1/identity", bearer("a.b.secret")).status == 401)
        #expect(try gateway.request("/secret-path?secret").status == 404)
        #expect(try gateway.request("/healthz").status == 200)
        let raw = try RawConnection(gateway.addresses[0])
        raw.send("NONSENSE\r\n\r\n")
        _ = try raw.readToEnd()
        try Self.agent.get().wait("the lines") { lines(gateway).count >= 6 }
        let found = lines(gateway).map { line in
            let fields = line.components(separatedBy: " info request ")[1].split(separator: " ")
            return fields.filter { !$0.hasPrefix("ms=") && !$0.hasPrefix("sent=") }.joined(separator: " ")
        }
        #expect(
            found == [
                "address=127.0.0.1 as=token:\"carol\" method=POST received=22 route=/v1/identity status=200",
                "address=127.0.0.1 as=token:\"carol\" method=GET received=0 route=/v1/identity status=200",
                "address=127.0.0.1 as=token:\"carol\" method=GET received=0 route=/v1/order/{OrderReference} status=404",
                "address=127.0.0.1 as=- method=GET received=0 route=/v1/identity status=401",
                "address=127.0.0.1 as=- method=GET received=0 route=other status=404",
                "address=127.0.0.1 as=- route=malformed status=400",
            ])
        for secret in ["hidden-name", "perPage", "abcdefghij", "secret", token] {
            #expect(!gateway.log.contains(secret), "\(secret)")
        }
    }

    @Test("a flood of requests does not flood the gateway's access log, and the lines that are left out are counted")
    func flood() {
        let records = Locked<[String]>([])
        let log = AccessLog(Logger(label: "test") { _ in Recorder(records: records) })
        for index in 0..<1000 { log.write(.info, ["n": "\(index)"], now: 1_000_000_000 + UInt64(index)) }
        #expect(records.withLock { $0.count } == AccessLog.rate)
        log.write(.info, ["n": "next"], now: 2_000_000_000)
        let last = records.withLock { $0.suffix(2) }
        #expect(last == ["more requests than lines were answered left_out=900", "request n=next"])
        log.write(.info, ["n": "third"], now: 3_000_000_000)
        #expect(records.withLock { $0.count } == AccessLog.rate + 3)
    }

    @Test("the gateway's access log can be switched off")
    func off() throws {
        let gateway = try TestGateway(
            agent: try Self.agent.get().socketPath, configuration: "authentication: { none: true }\naccess_log: false")
        #expect(try gateway.request("/v1/status").status == 200)
        gateway.stop()
        #expect(lines(gateway).isEmpty)
    }
}

/// Keeps what is logged.
private struct Recorder: LogHandler {
    let records: Locked<[String]>
    var logLevel = Logger.Level.info
    var metadata = Logger.Metadata()

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let fields = (event.metadata ?? [:]).map { " \($0.key)=\($0.value)" }.sorted().joined()
        records.withLock { $0.append("\(event.message)\(fields)") }
    }
}
