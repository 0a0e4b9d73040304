import Testing

@testable import DTASSH

/// A request to log in, as ssh writes it.
func loginBytes(
    session: [UInt8] = [UInt8](repeating: 9, count: 32), code: UInt8 = 50, user: String = "alice",
    service: String = "ssh-connection", method: String? = nil, hasSignature: Bool = true, algorithm: String? = nil,
    key: SSHPublicKey, hostKey: SSHPublicKey? = nil
) -> [UInt8] {
    var writer = SSHWriter()
    writer.string(session)
    writer.byte(code)
    writer.string(user)
    writer.string(service)
    writer.string(method ?? (hostKey == nil ? "publickey" : "publickey-hostbound-v00@openssh.com"))
    writer.boolean(hasSignature)
    writer.string(algorithm ?? key.signatureNames[0])
    writer.string(key.blob)
    if let hostKey { writer.string(hostKey.blob) }
    return writer.bytes
}

@Suite("What is signed by SSH")
struct LoginTests {
    private let key = SSHPublicKey.ed25519([UInt8](repeating: 1, count: 32))
    private let other = SSHPublicKey.ed25519([UInt8](repeating: 2, count: 32))
    private let host = SSHPublicKey.ed25519([UInt8](repeating: 3, count: 32))

    @Test("a request to log in is read with its user, and with the host's key if it names one")
    func logins() throws {
        let plain = try SSHLogin(loginBytes(key: key), by: key)
        #expect(plain.user == "alice" && plain.hostKey == nil && plain.sessionID.count == 32)
        let bound = try SSHLogin(loginBytes(user: "bob", key: key, hostKey: host), by: key)
        #expect(bound.user == "bob" && bound.hostKey?.plain == host)
        #expect(SSHSignedData(loginBytes(key: key), by: key) == .login(plain))
    }

    @Test("a request that names another key, asks for something else, or has something at its end is no log-in")
    func noLogins() {
        let wrong: [[UInt8]] = [
            loginBytes(key: other), loginBytes(code: 51, key: key), loginBytes(service: "ssh-userauth", key: key),
            loginBytes(method: "hostbased", key: key), loginBytes(hasSignature: false, key: key),
            loginBytes(algorithm: "ssh-rsa", key: key), loginBytes(session: [], key: key),
            loginBytes(method: "publickey-hostbound-v00@openssh.com", key: key), loginBytes(key: key) + [0],
            loginBytes(method: "publickey", key: key, hostKey: host), loginBytes(user: "a\0b", key: key),
        ]
        for bytes in wrong { #expect(SSHSignedData(bytes, by: key) == .unknown) }
        let good = loginBytes(key: key, hostKey: host)
        for length in 0..<good.count {
            let read = SSHSignedData(Array(good.prefix(length)), by: key)
            if case .login = read { Issue.record("\(length) bytes of it are read as a log-in") }
        }
    }

    @Test("bytes of the length of an exchange hash or of ssh-add's test are told as such, others as unknown")
    func others() {
        for count in [32, 48, 64] {
            #expect(SSHSignedData([UInt8](repeating: 5, count: count), by: key) == .exchangeHash)
        }
        #expect(SSHSignedData([UInt8](repeating: 5, count: 1024), by: key) == .test)
        for count in [0, 1, 20, 31, 33, 65, 1023, 4096] {
            #expect(SSHSignedData([UInt8](repeating: 5, count: count), by: key) == .unknown)
        }
    }

    @Test("a signed message without a namespace, or whose digest does not fit its hash, is none")
    func messages() {
        func message(_ namespace: String, _ hash: String, _ length: Int) -> [UInt8] {
            var writer = SSHWriter()
            writer.raw(SSHSignedMessage.magic)
            writer.string(namespace)
            writer.string("")
            writer.string(hash)
            writer.string([UInt8](repeating: 1, count: length))
            return writer.bytes
        }
        #expect((try? SSHSignedMessage(message("git", "sha256", 32))) != nil)
        for bytes in [
            message("", "sha256", 32), message("git", "sha1", 20), message("git", "sha512", 32),
            message("git", "sha256", 64), message("git", "sha256", 32) + [1],
        ] {
            #expect(throws: SSHFormatError.self) { try SSHSignedMessage(bytes) }
            if case .message = SSHSignedData(bytes, by: key) { Issue.record("it is read as a signed message") }
        }
    }

    @Test("each message of the agent protocol is read whole, and what is cut, too long or followed by more is refused")
    func requests() throws {
        var sign = SSHWriter()
        sign.byte(13)
        sign.string(key.blob)
        sign.string([1, 2, 3])
        sign.uint32(4)
        guard case .sign(let wanted, let data, let flags) = try SSHAgentRequest(sign.bytes) else {
            Issue.record("no sign request")
            return
        }
        #expect(wanted.plain == key && data == [1, 2, 3] && flags == 4)
        for length in 0..<sign.bytes.count {
            #expect(throws: SSHFormatError.self) { try SSHAgentRequest(Array(sign.bytes.prefix(length))) }
        }
        #expect(throws: SSHFormatError.self) { try SSHAgentRequest(sign.bytes + [0]) }
        #expect(throws: SSHFormatError.self) { try SSHAgentRequest([11, 0]) }
        guard case .unknown(99) = try SSHAgentRequest([99, 1, 2]) else {
            Issue.record("a message of an unknown type is not told as one")
            return
        }
        // Nothing of a private key is looked at.
        guard case .add = try SSHAgentRequest([17, 0xff, 0xff]) else {
            Issue.record("no add")
            return
        }
    }

    @Test("a pattern matches as OpenSSH's, and one that is made to be slow is not")
    func patterns() {
        #expect(SSHPattern.matches("git", "git") && SSHPattern.matches("git", "*") && SSHPattern.matches("git", "g?t"))
        #expect(!SSHPattern.matches("git", "") && !SSHPattern.matches("", "?") && SSHPattern.matches("", "*"))
        #expect(!SSHPattern.matches(String(repeating: "a", count: 1024), String(repeating: "*a", count: 500) + "b"))
    }
}
