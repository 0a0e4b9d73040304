import DTAJSON
import Foundation
import TestSupport
import Testing

@testable import DTAGateway

/// The interface's description, and other people's programs that believe it.
@Suite("The gateway's interface", .ownThread, .serialized)
struct InterfaceTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../..").standardizedFileURL.path
    private static let program = root + "/.build/python/bin/schemathesis"
    private static let limits = "\nlimits: { requests_per_minute: 1000000, burst: 1000000 }"

    @Test("every reference in the OpenAPI description leads somewhere, and every name stands for one operation")
    func description() throws {
        var configuration = try self.configuration("authentication: { none: true }")
        configuration.node = .multi
        let description = InterfaceDescription.make(Endpoints.all, configuration)
        let text = String(decoding: description.bytes, as: UTF8.self)
        let schemas = try #require(description["components"]?["schemas"])
        for match in text.matches(of: try Regex("#/components/schemas/([A-Za-z]+)")) {
            let name = String(try #require(match.output[1].substring))
            #expect(schemas[name] != nil, "\(name)")
        }
        #expect(Set(Endpoints.all.map(\.name)).count == Endpoints.all.count)
        for endpoint in Endpoints.all {
            let placed = endpoint.path.split(separator: "/").filter { $0.hasPrefix("{") }.map {
                String($0.dropFirst().dropLast())
            }
            #expect(placed == endpoint.parameters.filter { $0.place == .path }.map(\.name))
        }
        // The reader of ours reads what the writer of ours wrote, and so does Foundation.
        #expect(try JSONReader.read(description.bytes) == description)
        #expect(try JSONSerialization.jsonObject(with: Data(description.bytes)) is [String: Any])
    }

    private func configuration(_ text: String) throws -> GatewayConfiguration {
        let directory = try TemporaryDirectory()
        return try GatewayConfiguration.load(try directory.write("dtagw.yaml", text))
    }

    /// Positive and negative data for every operation; never a status, a type or a shape that is not described, never a 5xx.
    @Test(
        "schemathesis finds nothing that the OpenAPI description does not say",
        .enabled(if: access(program, X_OK) == 0, "needs the environment that Scripts/python makes"))
    func schemathesis() throws {
        let agent = try TestAgent()
        let gateway = try TestGateway(
            agent: agent.socketPath, configuration: "authentication: { none: true }" + Self.limits)
        let directory = try TemporaryDirectory()
        let done = try run(
            "/usr/bin/env",
            [
                "-C", directory.path, Self.program, "--config-file",
                Self.root + "/Tests/interop/schemathesis.toml", "run", gateway.url("/openapi.json"),
                "--no-color",
                "--phases", "coverage,fuzzing", "--max-examples", "15", "--max-time", "75", "--request-timeout", "60",
            ], environment: ["PYTHONDONTWRITEBYTECODE": "1"])
        #expect(done.status == 0, "\(done.text.suffix(12_000))")
        #expect(done.text.contains("Test cases:"), "\(done.text.suffix(2000))")
        #expect(try gateway.request("/healthz").status == 200)
    }

    @Test("the gateway's page asks nobody else for anything")
    func page() throws {
        let agent = try TestAgent()
        let gateway = try TestGateway(agent: agent.socketPath)
        let page = try gateway.request("/docs")
        #expect(page.status == 200 && page.headers["content-type"] == "text/html; charset=utf-8")
        #expect(page.headers["content-security-policy"]?.hasPrefix("default-src 'none'; script-src 'self'") == true)
        for path in ["/docs", "/docs/docs.js", "/docs/docs.css"] {
            let text = try gateway.request(path).text
            #expect(!text.contains("http://") && !text.contains("https://") && !text.contains("innerHTML"), "\(path)")
        }
    }

    @Test(
        "a browser opens the gateway's page, tries a call and shows the answer",
        .enabled(if: Browser.path != nil, "needs chromium"))
    func browser() throws {
        let agent = try TestAgent()
        let gateway = try TestGateway(agent: agent.socketPath)
        let browser = try Browser(url: gateway.url("/docs#createIdentity"))
        try browser.wait("the page to be made", for: "document.body.dataset.ready")
        #expect(try browser.evaluate("document.querySelectorAll('details').length") as? Int == Endpoints.all.count)
        #expect(try browser.evaluate("document.getElementById('createIdentity').open") as? Bool == true)
        _ = try browser.evaluate(
            """
            document.querySelector('#createIdentity textarea').value = '{"Name":"from-a-browser"}'
            document.querySelector('#createIdentity .send').click()
            """)
        try browser.wait("an answer", for: "document.querySelector('#createIdentity .status')?.textContent")
        let shown = try browser.evaluate("document.querySelector('#createIdentity .answer').innerText") as? String ?? ""
        #expect(shown.hasPrefix("200") && shown.contains("IDDocumentCID"), "\(shown)")
        // What it said happened.
        #expect(try gateway.request("/v1/identity").text.contains("from-a-browser"))
        // An error is shown as one.
        _ = try browser.evaluate(
            "document.querySelector('#createIdentity .answer').replaceChildren(); document.querySelector('#createIdentity .send').click()"
        )
        try browser.wait("a refusal", for: "document.querySelector('#createIdentity .status.bad')?.textContent")
        // Nothing of it was forbidden by the page's own policy.
        #expect(try browser.problems().isEmpty)
        let picture = try browser.screenshot()
        #expect(picture.count > 10_000 && picture.starts(with: [0x89, 0x50, 0x4e, 0x47]))
        let kept = Self.root + "/.build/gateway-docs.png"
        try picture.write(to: URL(fileURLWithPath: kept))
    }
}
