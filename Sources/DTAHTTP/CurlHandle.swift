import CCurl
import DTABytes
import DTASystem
import Glibc

/// One libcurl easy handle: a connection that is kept, for one thread at a time. It owns all that it points to.
@safe public final class CurlHandle {
    private let handle: UnsafeMutableRawPointer
    private let base: String
    private let isUnixSocket: Bool
    private let isTLS: Bool
    private let showsCertificate: Bool
    private let isStopped: () -> Bool
    /// libcurl's buffer for errors.
    private let reason = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))
    private let authorization: SecretBytes?
    /// Head lines of calls, by the type of their bodies.
    private var heads: [String: UnsafeMutablePointer<curl_slist>] = unsafe [:]
    /// The boundary between parts of a body. It is random, so a file cannot be made to contain it.
    private let boundary: String

    private var answer = HTTPAnswer()
    private var limit = 0

    /// - Parameters:
    ///   - authorization: the header's whole line.
    ///   - isStopped: called about once a second; the transfer ends if it answers true.
    public init(
        _ endpoint: HTTPEndpoint, authorization: SecretBytes?, isStopped: @escaping () -> Bool = { false }
    ) throws(HTTPFailure) {
        if let reason = unsafe ccurl_load() { throw HTTPFailure(reason: unsafe String(cString: reason)) }
        guard let handle = unsafe ccurl_make() else { throw HTTPFailure(reason: "libcurl has no memory") }
        unsafe self.handle = handle
        base = endpoint.base
        isUnixSocket = endpoint.socketPath != nil
        isTLS = endpoint.base.hasPrefix("https://")
        showsCertificate = endpoint.clientCertificate != nil
        self.authorization = authorization
        self.isStopped = isStopped
        let random = (0..<2).map { _ in String(UInt64.random(in: .min ... .max), radix: 16) }
        boundary = "dta-" + random.joined(separator: "-")
        unsafe reason.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
        try configure(endpoint)
    }

    deinit {
        unsafe ccurl_free(handle)
        for unsafe(_, head) in unsafe heads { unsafe ccurl_free_list(head) }
        unsafe reason.deallocate()
    }

    private func configure(_ endpoint: HTTPEndpoint) throws(HTTPFailure) {
        unsafe ccurl_set_pointer(handle, CURLOPT_ERRORBUFFER, reason)
        try set(CURLOPT_NOSIGNAL, 1)
        try set(CURLOPT_FOLLOWLOCATION, 0)
        try set(CURLOPT_TCP_KEEPALIVE, 1)
        try set(CURLOPT_PROTOCOLS_STR, "http,https")
        // Ignores the environment and libcurl's own configuration.
        try set(CURLOPT_PROXY, "")
        try set(CURLOPT_NOPROXY, "*")
        try set(CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1)
        try set(CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2)
        try set(CURLOPT_SSL_VERIFYPEER, 1)
        try set(CURLOPT_SSL_VERIFYHOST, 2)
        try set(CURLOPT_USERAGENT, endpoint.userAgent)
        try set(CURLOPT_CONNECTTIMEOUT_MS, endpoint.connectMilliseconds)
        if let path = endpoint.socketPath { try set(CURLOPT_UNIX_SOCKET_PATH, path) }
        if let file = endpoint.certificateAuthorities {
            try set(CURLOPT_CAINFO, file)
            unsafe ccurl_set_text(handle, CURLOPT_CAPATH, nil)
        }
        if let file = endpoint.clientCertificate { try set(CURLOPT_SSLCERT, file) }
        if let file = endpoint.clientKey { try set(CURLOPT_SSLKEY, file) }
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        unsafe ccurl_set_receiver(handle, CURLOPT_HEADERFUNCTION, CURLOPT_HEADERDATA, receiveLine, context)
        unsafe ccurl_set_receiver(handle, CURLOPT_WRITEFUNCTION, CURLOPT_WRITEDATA, receiveBody, context)
        unsafe ccurl_set_watcher(handle, watch, context)
    }

    /// Does one request, and waits for it. Redirections are answers, and are not followed.
    /// - Throws: `HTTPFailure` if there was no whole answer.
    public func perform(_ call: HTTPCall) throws(HTTPFailure) -> HTTPAnswer {
        answer = HTTPAnswer()
        limit = call.limit
        unsafe reason[0] = 0
        try set(CURLOPT_URL, base + call.target)
        try set(CURLOPT_TIMEOUT_MS, call.milliseconds)
        try set(CURLOPT_LOW_SPEED_LIMIT, call.stallSeconds == nil ? 0 : 1)
        try set(CURLOPT_LOW_SPEED_TIME, call.stallSeconds ?? 0)
        let code: CURLcode
        switch call.body {
        case .get:
            try setHead(type: "")
            try set(CURLOPT_HTTPGET, 1)
            code = unsafe ccurl_perform(handle)
        case .head:
            try setHead(type: "")
            try set(CURLOPT_NOBODY, 1)
            code = unsafe ccurl_perform(handle)
        case .empty: code = try post([], type: "")
        case .bytes(let bytes, let type): code = try post(bytes, type: type)
        case .file(let file): code = try post(multipart(file), type: "multipart/form-data; boundary=\(boundary)")
        }
        answer.status = unsafe ccurl_status(handle)
        // A body that we cut off is an answer. One that broke off at the other side is an answer only if it has the
        // reason.
        if code == CURLE_OK || answer.isTooLong || (answer.streamError != nil && answer.status != 0) { return answer }
        let reason = why(code)
        throw HTTPFailure(
            reason: reason, timedOut: code == CURLE_OPERATION_TIMEDOUT, stopped: code == CURLE_ABORTED_BY_CALLBACK,
            tls: isTLS ? TLSProblem(code, reason, showsCertificate: showsCertificate) : nil)
    }

    private func post(_ body: [UInt8], type: String) throws(HTTPFailure) -> CURLcode {
        try setHead(type: type)
        try set(CURLOPT_POST, 1)
        unsafe ccurl_set_size(handle, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(body.count))
        return unsafe body.withUnsafeBytes { bytes in
            // An empty array has no address, and without one libcurl would ask for the body.
            unsafe withUnsafeBytes(of: 0 as UInt8) { nothing in
                let start = unsafe bytes.baseAddress ?? nothing.baseAddress
                unsafe ccurl_set_pointer(handle, CURLOPT_POSTFIELDS, UnsafeMutableRawPointer(mutating: start))
                let code = unsafe ccurl_perform(handle)
                unsafe ccurl_set_pointer(handle, CURLOPT_POSTFIELDS, nil)
                return code
            }
        }
    }

    /// No content type if there is no body, and never a wait for "100 Continue".
    private func setHead(type: String) throws(HTTPFailure) {
        if unsafe heads[type] == nil {
            let line = type.isEmpty ? "Content-Type:" : "Content-Type: \(type)"
            unsafe heads[type] = try CurlHandle.list([line, "Expect:"], authorization)
        }
        unsafe ccurl_set_pointer(handle, CURLOPT_HTTPHEADER, heads[type])
    }

    private func why(_ code: CURLcode) -> String {
        // For a Unix socket libcurl reports that port 80 of localhost is away: the kernel's error says more.
        let number = unsafe ccurl_errno(handle)
        if isUnixSocket, code == CURLE_COULDNT_CONNECT, number != 0 { return errorText(number) }
        return unsafe reason[0] == 0 ? String(cString: ccurl_error_text(code)) : String(cString: reason)
    }

    private func multipart(_ file: [UInt8]) -> [UInt8] {
        let head = """
            --\(boundary)\r\nContent-Disposition: form-data; name="data"; filename="block"\r\n\
            Content-Type: application/octet-stream\r\n\r\n
            """
        var body: [UInt8] = []
        body.reserveCapacity(head.utf8.count + file.count + boundary.utf8.count + 8)
        body += head.utf8
        body += file
        body += "\r\n--\(boundary)--\r\n".utf8
        return body
    }

    private static func list(
        _ lines: [String], _ secret: SecretBytes?
    ) throws(HTTPFailure) -> UnsafeMutablePointer<curl_slist>? {
        var list: UnsafeMutablePointer<curl_slist>?
        for line in lines {
            guard let longer = unsafe ccurl_append(list, line) else {
                throw HTTPFailure(reason: "libcurl has no memory")
            }
            unsafe list = longer
        }
        guard let secret else { return unsafe list }
        let longer = unsafe secret.withUnsafeBytes { bytes in
            unsafe Secret(copying: bytes).followed(by: [0]).withUnsafeBytes { text in
                unsafe text.bindMemory(to: CChar.self).baseAddress.flatMap { unsafe ccurl_append(list, $0) }
            }
        }
        guard let longer = unsafe longer else { throw HTTPFailure(reason: "libcurl has no memory") }
        return unsafe longer
    }

    private func set(_ option: CURLoption, _ value: Int) throws(HTTPFailure) {
        try check(unsafe ccurl_set_number(handle, option, value))
    }

    private func set(_ option: CURLoption, _ value: String) throws(HTTPFailure) {
        try check(unsafe ccurl_set_text(handle, option, NativeText.path(value)))
    }

    private func check(_ code: CURLcode) throws(HTTPFailure) {
        guard code == CURLE_OK else {
            throw HTTPFailure(reason: "libcurl is too old: \(unsafe String(cString: ccurl_error_text(code)))")
        }
    }

    // MARK: What libcurl calls

    /// A line of the head, or of the trailers that follow a body in chunks.
    fileprivate func take(line bytes: UnsafeRawBufferPointer) {
        let line = unsafe String(decoding: bytes, as: UTF8.self)
        guard let colon = line.firstIndex(of: ":") else { return }
        let value = line[line.index(after: colon)...].trimmingPrefix { $0.isWhitespace }
        switch line[..<colon].lowercased() {
        case "x-stream-error": answer.streamError = String(value)
        case "dta-cursor": answer.cursor = value.split(whereSeparator: \.isWhitespace).first.map(String.init)
        default: break
        }
    }

    fileprivate func take(body bytes: UnsafeRawBufferPointer) -> Bool {
        guard bytes.count <= limit - answer.body.count else {
            answer.isTooLong = true
            return false
        }
        unsafe answer.body.append(contentsOf: bytes)
        return true
    }

    fileprivate var mayGoOn: Bool { !isStopped() }
}

/// The handle of a callback: it is alive, because its own `perform` waits for libcurl to return.
private func owner(_ context: UnsafeMutableRawPointer?) -> CurlHandle? {
    unsafe context.map { unsafe Unmanaged<CurlHandle>.fromOpaque($0).takeUnretainedValue() }
}

private func receiveLine(
    _ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ context: UnsafeMutableRawPointer?
) -> Int {
    unsafe owner(context)?.take(line: UnsafeRawBufferPointer(start: bytes, count: size * count))
    return size * count
}

private func receiveBody(
    _ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ context: UnsafeMutableRawPointer?
) -> Int {
    let taken = unsafe owner(context)?.take(body: UnsafeRawBufferPointer(start: bytes, count: size * count)) ?? false
    return taken ? size * count : 0
}

private func watch(
    _ context: UnsafeMutableRawPointer?, _: curl_off_t, _: curl_off_t, _: curl_off_t, _: curl_off_t
) -> Int32 {
    unsafe owner(context)?.mayGoOn ?? false ? 0 : 1
}
