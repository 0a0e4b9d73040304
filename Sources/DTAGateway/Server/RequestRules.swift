import NIOHTTP1

/// The rules that a request's head sets for its connection and its body, and whether HTTP allows it (RFC 9110, RFC
/// 9112). It refuses a head that a proxy before us could understand differently.
struct RequestFacts: Sendable {
    /// Why it is refused; the connection ends after that.
    var refusal: Problem?
    /// Whether the connection stays open after the answer.
    var keepsAlive = false
    /// Whether the client must be told so, because its version closes connections by itself.
    var saysKeepAlive = false
    /// Whether a body follows.
    var hasBody = false
    /// Whether the client waits for `100 Continue` before it sends its body.
    var expectsContinue = false
}

extension RequestFacts {
    /// - Parameter head: as it came; afterwards its target is in origin form, and it has one Host.
    init(judging head: inout HTTPRequestHead) {
        self.init()
        do throws(Problem) {
            try check(&head)
        } catch {
            refusal = error
            keepsAlive = false
            expectsContinue = false
        }
    }

    private mutating func check(_ head: inout HTTPRequestHead) throws(Problem) {
        let encodings = head.headers["transfer-encoding"]
        hasBody = !encodings.isEmpty || head.headers["content-length"].contains { $0.contains { $0 != "0" } }
        guard head.version.major == 1, head.version.minor <= 1 else {
            throw Problem(
                .httpVersionNotSupported, Problem.Code.versionNotSupported, "this speaks HTTP/1.1 and HTTP/1.0")
        }
        let isOld = head.version.minor == 0
        let connection = Set(RequestFacts.words(head.headers["connection"]))
        // After an offer to change the protocol, which is ignored here, the parser reads no other request.
        let isUpgrade = connection.contains("upgrade") && head.headers.contains(name: "upgrade")
        keepsAlive =
            !connection.contains("close") && !isUpgrade && (!isOld || connection.contains("keep-alive"))
        saysKeepAlive = isOld && keepsAlive
        // RFC 9112 §6.1: the end of an old client's message is then uncertain.
        guard encodings.isEmpty || !isOld else {
            throw .invalid("HTTP/1.0 has no Transfer-Encoding", hint: "Content-Length, or HTTP/1.1")
        }
        guard encodings.isEmpty || RequestFacts.words(encodings) == ["chunked"] else {
            throw Problem(
                .notImplemented, Problem.Code.notImplemented,
                "bodies come as they are, or in chunks, not encoded otherwise")
        }
        try RequestTarget.normalise(&head)
        try expect(head.headers["expect"], isOld: isOld)
        head.headers.remove(name: "connection")
        if !keepsAlive { head.headers.add(name: "connection", value: "close") }
    }

    /// RFC 9110 §10.1.1.
    private mutating func expect(_ values: [String], isOld: Bool) throws(Problem) {
        guard !isOld, !values.isEmpty else { return }
        guard RequestFacts.words(values).allSatisfy({ $0 == "100-continue" }) else {
            throw Problem(
                .expectationFailed, Problem.Code.expectationFailed, "of all expectations only 100-continue is known")
        }
        expectsContinue = hasBody
    }

    /// The words of a list in one or more fields (RFC 9110 §5.6.1), in lower case.
    private static func words(_ fields: [String]) -> [String] {
        fields.flatMap { $0.split(separator: ",") }.map { word in
            String(word.drop { $0 == " " || $0 == "\t" }.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
                .lowercased()
        }.filter { !$0.isEmpty }
    }
}
