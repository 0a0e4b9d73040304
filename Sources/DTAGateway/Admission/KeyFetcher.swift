import DTAHTTP
import DTASystem
import Foundation
import NIOPosix

/// Gets an issuer's key set from a file, or by HTTPS.
struct KeyFetcher: Sendable {
    /// The most bytes of a key set.
    private static let limit = 1 << 20
    private static let milliseconds = 10_000

    private let token: GatewayConfiguration.Token

    init(_ token: GatewayConfiguration.Token) { self.token = token }

    /// - Throws: `DTAError` with the reason.
    @Sendable func fetch() async throws -> [UInt8] {
        // A slow disk or a slow issuer must not block a thread that answers requests.
        try await NIOThreadPool.singleton.runIfActive { [self] in
            switch token.keys {
            case .file(let path): try read(path)
            case .url(let url): try get(url)
            }
        }
    }

    private func read(_ path: String) throws -> [UInt8] {
        guard let file = FileHandle(forReadingAtPath: path) else {
            throw DTAError(.notFound, "\(path) cannot be read: \(errorText(errno))")
        }
        defer { try? file.close() }
        guard let data = try file.read(upToCount: KeyFetcher.limit + 1), data.count <= KeyFetcher.limit else {
            throw DTAError(.invalidArgument, "\(path) is empty, or larger than \(KeyFetcher.limit >> 10) KiB")
        }
        return [UInt8](data)
    }

    private func get(_ url: String) throws -> [UInt8] {
        do {
            let address = try HTTPAddress(url, allowsPath: true)
            var endpoint = HTTPEndpoint(address, connectMilliseconds: 5000, userAgent: "dtagw/\(Version.current)")
            endpoint.certificateAuthorities = token.certificateAuthorities
            let handle = try CurlHandle(endpoint, authorization: nil)
            let answer = try handle.perform(
                HTTPCall(target: "", body: .get, milliseconds: KeyFetcher.milliseconds, limit: KeyFetcher.limit))
            guard answer.status == 200, !answer.isTooLong else {
                throw DTAError(.unavailable, "\(url) answers \(answer.status)")
            }
            return answer.body
        } catch let wrong as HTTPAddress.Wrong {
            throw DTAError(.invalidArgument, "jwks \(wrong.reason)")
        } catch let failure as HTTPFailure {
            if let tls = failure.tls {
                throw DTAError(
                    .unavailable, "\(url) \(tls.sentence) (\(ForeignText.line(failure.reason)))",
                    hint: tls.hint(
                        authorities: "authentication.jwt.ca_file in dtagw.yaml",
                        certificate: "no certificate is shown to issuers"))
            }
            throw DTAError(.unavailable, "\(url) cannot be reached: \(ForeignText.line(failure.reason))")
        }
    }
}
