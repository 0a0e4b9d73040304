import CCurl

/// Why there is no TLS with the other side, and what helps. libcurl and OpenSSL give only their own texts.
public enum TLSProblem: Sendable, Equatable {
    /// It asks for a certificate of ours, and was shown none.
    case certificateRequired
    /// It does not accept the certificate that it was shown.
    case certificateRefused
    /// Its certificate is by an authority that is not known here.
    case unknownAuthority
    case expired
    case notYetValid
    /// Its certificate is for another host.
    case otherHost
    /// Its certificate does not verify for another reason.
    case unverified
    /// It does not speak TLS at that port.
    case noTLS
    /// It speaks no version of TLS, or none of the ciphers, that we do.
    case noCommonVersion
    /// Our own certificate or key cannot be used.
    case unusableCertificate
    /// The file with the authorities cannot be used.
    case unusableAuthorities
    /// It closed the connection without an alert, perhaps because it wants a certificate.
    case silent

    /// The fault: the end of a sentence that begins with the other side's URL.
    public var sentence: String {
        switch self {
        case .certificateRequired: "asks for a certificate of ours, and was shown none"
        case .certificateRefused: "does not accept the certificate that it was shown"
        case .unknownAuthority: "shows a certificate by an authority that is not known here"
        case .expired: "shows a certificate that has expired"
        case .notYetValid: "shows a certificate that is not valid yet"
        case .otherHost: "shows a certificate for another host"
        case .unverified: "shows a certificate that does not verify"
        case .noTLS: "does not speak TLS at this port"
        case .noCommonVersion: "speaks no version of TLS that is safe enough"
        case .unusableCertificate: "was not asked: our own certificate or its key cannot be used"
        case .unusableAuthorities: "was not asked: the file with the authorities cannot be used"
        case .silent: "closed the connection without a word"
        }
    }

    /// What helps.
    /// - Parameters: `authorities`, `certificate`: the options of this program that set each.
    public func hint(authorities: String, certificate: String) -> String {
        switch self {
        case .certificateRequired:
            "\(certificate): a certificate and its key, by an authority that the other side names"
        case .certificateRefused:
            "\(certificate): is it by an authority that the other side names, and valid now?"
        case .unknownAuthority: "\(authorities): the authority's certificate, from its owner by a way that you trust"
        case .expired, .notYetValid: "its owner must renew it; is this host's clock right?"
        case .otherHost: "use the host name that stands in its certificate"
        case .unverified: "\(authorities): the authority's certificate; its owner may have to make it anew"
        case .noTLS: "http:// instead of https://, on this host; else its owner must set up TLS"
        case .noCommonVersion: "its owner must allow TLS 1.2 or 1.3"
        case .unusableCertificate: "\(certificate): PEM files that belong together, and that this user can read"
        case .unusableAuthorities: "\(authorities): a PEM file that this user can read"
        case .silent: "if it asks for a certificate: \(certificate)"
        }
    }

    /// - Parameters:
    ///   - code: libcurl's.
    ///   - reason: libcurl's sentence, with OpenSSL's or GnuTLS's in it.
    ///   - showsCertificate: whether we have one to show.
    init?(_ code: CURLcode, _ reason: String, showsCertificate: Bool) {
        let reason = reason.lowercased()
        func says(_ words: String...) -> Bool { words.contains { reason.contains($0) } }
        switch code {
        case CURLE_SSL_CERTPROBLEM: self = .unusableCertificate
        case CURLE_SSL_CACERT_BADFILE: self = .unusableAuthorities
        case CURLE_PEER_FAILED_VERIFICATION:
            if says("expired") {
                self = .expired
            } else if says("not yet valid", "not yet activated") {
                self = .notYetValid
            } else if says("subject name", "does not match", "ip address") {
                self = .otherHost
            } else if says("local issuer", "self-signed", "self signed", "issuer is unknown", "unable to get issuer") {
                self = .unknownAuthority
            } else {
                self = .unverified
            }
        case CURLE_SSL_CONNECT_ERROR, CURLE_RECV_ERROR, CURLE_SEND_ERROR, CURLE_GOT_NOTHING:
            if says("certificate required", "certificate is required") {
                self = .certificateRequired
            } else if says(
                "alert unknown ca", "alert bad certificate", "alert certificate", "alert unsupported certificate",
                "alert access denied", "alert decrypt error")
            {
                self = showsCertificate ? .certificateRefused : .certificateRequired
            } else if says(
                "wrong version number", "packet length too long", "record overflow", "unexpected message",
                "http request")
            {
                self = .noTLS
            } else if says("protocol version", "unsupported protocol", "no protocols available", "no shared cipher") {
                self = .noCommonVersion
            } else if says("alert handshake failure") {
                self = showsCertificate ? .noCommonVersion : .certificateRequired
            } else if !showsCertificate, code != CURLE_SSL_CONNECT_ERROR || says("syscall", "reset", "unexpected eof") {
                self = .silent
            } else {
                return nil
            }
        default: return nil
        }
    }
}
