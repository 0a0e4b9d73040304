import Foundation
import TestSupport

/// A headless Chromium that is told what to do through a pipe (the DevTools protocol, --remote-debugging-pipe): no port, no
/// driver.
final class Browser {
    static var path: String? { ["/usr/bin/chromium"].first { access($0, X_OK) == 0 } }

    private let process: Subprocess
    private let directory: TemporaryDirectory
    private let input: Int32
    private let output: Int32
    private var buffer: [UInt8] = []
    private var last = 0
    private var session: String?
    private var events: [[String: Any]] = []

    init(url: String) throws {
        directory = try TemporaryDirectory()
        guard let program = Browser.path else { throw TestFailure("no browser") }
        let (down, up) = (try Browser.pipe(), try Browser.pipe())
        let log = open(directory.file("log"), O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        defer { for number in [log, down[0], up[1]] { close(number) } }
        process = try Subprocess(
            program,
            [
                "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-pipe",
                "--no-first-run", "--disable-background-networking", "--no-proxy-server", "--window-size=1000,1400",
                "--user-data-dir=\(directory.path)/profile", "about:blank",
            ], environment: ["HOME": directory.path], descriptors: [2: log, 3: down[0], 4: up[1]])
        (input, output) = (down[1], up[0])
        let target = try call("Target.createTarget", ["url": "about:blank"])["targetId"] as? String ?? ""
        session = try call("Target.attachToTarget", ["targetId": target, "flatten": true])["sessionId"] as? String
        for domain in ["Page", "Runtime", "Log"] { _ = try call("\(domain).enable") }
        _ = try call("Page.navigate", ["url": url])
    }

    deinit {
        _ = try? call("Browser.close")
        close(input)
        close(output)
    }

    private static func pipe() throws -> [Int32] {
        var ends: [Int32] = [0, 0]
        guard Glibc.pipe(&ends) == 0 else { throw TestFailure("pipe: \(errno)") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return ends
    }

    /// The value of an expression in the page.
    func evaluate(_ expression: String) throws -> Any? {
        let answer = try call("Runtime.evaluate", ["expression": expression, "returnByValue": true])
        if let wrong = answer["exceptionDetails"] { throw TestFailure("\(expression): \(wrong)") }
        return (answer["result"] as? [String: Any])?["value"]
    }

    func wait(_ what: String, for expression: String) throws {
        try eventually(what, every: 50) { (try? evaluate("Boolean(\(expression))")) as? Bool == true }
    }

    func screenshot() throws -> Data {
        let answer = try call("Page.captureScreenshot", ["format": "png"])
        guard let data = (answer["data"] as? String).flatMap({ Data(base64Encoded: $0) }) else {
            throw TestFailure("no picture")
        }
        return data
    }

    /// What the browser complained about, other than answers of the server that are no success.
    func problems() throws -> [String] {
        _ = try evaluate("1")
        return events.compactMap { event in
            let method = event["method"] as? String
            let parameters = event["params"] as? [String: Any]
            if method == "Runtime.exceptionThrown" { return "\(parameters ?? [:])" }
            guard method == "Log.entryAdded", let entry = parameters?["entry"] as? [String: Any],
                entry["level"] as? String == "error", entry["source"] as? String != "network"
            else { return nil }
            return entry["text"] as? String
        }
    }

    private func call(_ method: String, _ parameters: [String: Any] = [:]) throws -> [String: Any] {
        last += 1
        var message: [String: Any] = ["id": last, "method": method, "params": parameters]
        if let session { message["sessionId"] = session }
        let bytes = [UInt8](try JSONSerialization.data(withJSONObject: message)) + [0]
        guard write(input, bytes, bytes.count) == bytes.count else { throw TestFailure("the browser is gone") }
        while true {
            let answer = try next()
            guard answer["id"] as? Int == last else {
                events.append(answer)
                continue
            }
            if let error = answer["error"] { throw TestFailure("\(method): \(error)") }
            return answer["result"] as? [String: Any] ?? [:]
        }
    }

    /// The next message; each ends with a zero.
    private func next() throws -> [String: Any] {
        while true {
            if let end = buffer.firstIndex(of: 0) {
                defer { buffer.removeSubrange(...end) }
                return try JSONSerialization.jsonObject(with: Data(buffer[..<end])) as? [String: Any] ?? [:]
            }
            var entry = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
            guard poll(&entry, 1, 120_000) > 0 else { throw TestFailure("the browser does not answer") }
            var chunk = [UInt8](repeating: 0, count: 65_536)
            let count = read(output, &chunk, chunk.count)
            guard count > 0 else {
                throw TestFailure(
                    "the browser ended: \((try? String(contentsOfFile: directory.file("log"), encoding: .utf8)) ?? "")")
            }
            buffer += chunk[..<count]
        }
    }
}
