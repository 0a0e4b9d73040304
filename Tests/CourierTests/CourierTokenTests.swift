import DTACourier
import DTASystem
import Foundation
import TestSupport
import Testing

/// A token is for one gateway.
@Suite(.ownThread) struct CourierTokenTests {
    private let files: TemporaryDirectory

    init() throws {
        files = try TemporaryDirectory()
        try files.write("token", "s3cret.token\n")
        chmod(files.file("token"), 0o600)
    }

    private func options(_ url: String) throws -> HTTPCourier.Options {
        var options = HTTPCourier.Options()
        try options.tokens.add(url, file: files.file("token"))
        return options
    }

    @Test("a token is shown to its own gateway and to no other, nor where that one sends us")
    func origin() throws {
        let other = try FakeNode { _ in .status(204, "") }
        let own = try FakeNode { _ in .status(302, "", more: "Location: \(other.api)/v1/courier\r\n") }
        let options = try options(own.api)
        #expect(throws: DTAError.self) { _ = try HTTPCourier(own.api, options).deliver([1]) }
        #expect(own.requests.count == 1 && own.requests[0].contains("\r\nAuthorization: Bearer s3cret.token"))
        #expect(other.requests.isEmpty)
        #expect(try HTTPCourier(other.api, options).deliver([1]) == nil)
        #expect(other.requests.count == 1 && !other.requests[0].lowercased().contains("authorization"))
    }

    @Test(
        "an origin is a scheme, a host and a port, however it is written",
        arguments: [
            ("https://bank.example", "https://bank.example:443/dta", true),
            ("https://BANK.example:443/", "https://bank.example", true),
            ("https://[2001:DB8::1]", "https://[2001:db8::1]:443/x", true),
            ("http://127.0.0.1:80", "http://127.0.0.1/x", true),
            ("https://bank.example", "https://bank.example:8443", false),
            ("https://bank.example", "https://bank.example.evil.example", false),
            ("https://bank.example", "https://www.bank.example", false),
            ("http://localhost", "https://localhost", false), ("unix:/a", "unix:/b", false),
        ])
    func origins(token: String, gateway: String, isSame: Bool) throws {
        let one = try HTTPAddress(token).origin
        #expect((try HTTPAddress(gateway, allowsPath: true).origin == one) == isSame)
    }

    @Test(
        "tokens for what is no origin, or would go in the clear, are refused",
        arguments: [
            "http://bank.example=/t", "https://bank.example/dta=/t", "bank.example=/t", "/t", "=/t",
            "https://bank.example=",
            "ftp://bank.example=/t", "https://user@bank.example=/t",
        ])
    func refused(pair: String) {
        var tokens = CourierTokens()
        #expect(throws: DTAError.self) { try tokens.add(pair) }
    }

    @Test("a user that insists on a network without TLS shows no token there")
    func plain() throws {
        var options = try options("https://192.0.2.7")
        options.allowsPlain = true
        // Nothing connects: the file is read where a token is to be shown, and is not there any more.
        unlink(files.file("token"))
        _ = try HTTPCourier("http://192.0.2.7", options)
        #expect(throws: DTAError.self) { _ = try HTTPCourier("https://192.0.2.7", options) }
    }

    @Test("two tokens for one gateway are a mistake")
    func twice() throws {
        var tokens = CourierTokens()
        try tokens.add("https://bank.example=/a")
        #expect(throws: DTAError.self) { try tokens.add("https://BANK.example:443=/b") }
    }

    @Test("a token that others can read is not used; one that systemd passes on as a credential is")
    func modes() throws {
        let gateway = try FakeNode { _ in .status(204, "") }
        let options = try options(gateway.api)
        for mode: mode_t in [0o644, 0o604, 0o660, 0o620] {
            chmod(files.file("token"), mode)
            let error = try #require(throws: DTAError.self) { _ = try HTTPCourier(gateway.api, options) }
            #expect(error.code == .failedPrecondition && error.hint.contains("chmod 600"), "\(String(mode, radix: 8))")
        }
        try files.write("lines", "one\r\nX-Admin: yes")
        chmod(files.file("lines"), 0o600)
        var bent = HTTPCourier.Options()
        try bent.tokens.add(gateway.api, file: files.file("lines"))
        #expect(throws: DTAError.self) { _ = try HTTPCourier(gateway.api, bent) }
        #expect(gateway.requests.isEmpty)
        // LoadCredential= makes it root's, and readable for the service's user by an access list whose mask is the group's.
        guard geteuid() == 0 else { return }
        chmod(files.file("token"), 0o440)
        #expect(try HTTPCourier(gateway.api, options).deliver([1]) == nil)
    }
}
