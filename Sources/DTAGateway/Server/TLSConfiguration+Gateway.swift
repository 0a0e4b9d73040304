import DTASystem
import Glibc
import NIOSSL

extension TLSConfiguration {
    /// - Parameter hasTokens: whether a client may do without a certificate, because it has a token.
    /// - Throws: `DTAError` that names the file and its fault.
    init(_ tls: GatewayConfiguration.TLS, hasTokens: Bool) throws {
        let chain = try Certificates.read(tls.certificate, key: "tls.certificate")
        let key = try Certificates.privateKey(tls.key, key: "tls.key")
        self = .makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        minimumTLSVersion = .tlsv12
        if let peers = tls.peers {
            trustRoots = .certificates(try Certificates.read(peers, key: "tls.peers"))
            certificateVerification = hasTokens ? .optionalVerification : .noHostnameVerification
        }
        do {
            // The server makes it again; here it checks that key and certificate belong together.
            _ = try NIOSSLContext(configuration: self)
        } catch {
            throw DTAError(
                .failedPrecondition, "the key \(tls.key) is not that of the certificate \(tls.certificate)",
                hint: "the first certificate of tls.certificate must be made for tls.key")
        }
    }
}

/// PEM files.
enum Certificates {
    /// - Throws: `DTAError` if there is no certificate in it.
    static func read(_ path: String, key: String) throws -> [NIOSSLCertificate] {
        do {
            let certificates = try NIOSSLCertificate.fromPEMFile(path)
            guard certificates.isEmpty else { return certificates }
        } catch {
            throw unusable(path, key, error)
        }
        throw unusable(path, key, nil)
    }

    static func privateKey(_ path: String, key: String) throws -> NIOSSLPrivateKey {
        do {
            return try NIOSSLPrivateKey(file: path, format: .pem)
        } catch {
            throw unusable(path, key, error)
        }
    }

    private static func unusable(_ path: String, _ key: String, _ error: (any Error)?) -> DTAError {
        // The library does not document its error for a missing file.
        let reason = fileReason(path) ?? error.map { "\($0)" } ?? "there is nothing of the kind in it"
        return DTAError(
            .failedPrecondition, "\(key): \(path) cannot be used: \(reason)",
            hint: "it is a PEM file, and this user must be able to read it")
    }

    /// Why a file cannot be read; nil if it can.
    private static func fileReason(_ path: String) -> String? {
        let number = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard number >= 0 else { return errorText(errno) }
        close(number)
        return nil
    }
}
