/// What PKCS#11 shows of keys.
extension AgentRequest {
    /// Sets the CKA_ID by which programs that know PKCS#11 find a key.
    /// - Parameter key: the key's name.
    /// - Parameter id: 1 to 64 bytes, or none: the one that follows from the key.
    public static func identifyKey(_ key: String, id: some Sequence<UInt8>) -> AgentRequest {
        AgentRequest(.keyIdentify, subject: key, data: id)
    }

    /// Stores an X.509 certificate of a key.
    /// - Parameter certificate: in DER, at most 16 KiB, with the key's public half in it.
    /// - Parameter key: the key's name.
    public static func addCertificate(_ certificate: some Sequence<UInt8>, to key: String) -> AgentRequest {
        var request = AgentRequest(.keyCertificate, subject: key, data: certificate)
        request.decision = "add"
        return request
    }

    /// Drops a certificate of a key.
    /// - Parameter certificate: in DER.
    /// - Parameter key: the key's name.
    public static func removeCertificate(_ certificate: some Sequence<UInt8>, from key: String) -> AgentRequest {
        var request = AgentRequest(.keyCertificate, subject: key, data: certificate)
        request.decision = "remove"
        return request
    }
}
