import DTABytes

/// The PKCS#11 URI (RFC 7512) of a key of the agent, as programs name it that reach the agent by PKCS#11.
public enum PKCS11URI {
    /// What the agent's token is called there.
    public static let token = "D-TA"

    /// - Parameters:
    ///   - name: the key's.
    ///   - owner: the user whose key it is, if that is another user: then the object is called `owner/name`.
    public static func privateKey(name: String, owner: String? = nil) -> String {
        let object = owner.map { "\($0)/\(name)" } ?? name
        return "pkcs11:token=\(encode(token));object=\(encode(object));type=private"
    }

    /// All but the unreserved characters of RFC 3986 is written as %XX.
    private static func encode(_ text: String) -> String {
        text.utf8.map { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                String(UnicodeScalar(byte))
            default: "%" + Hexadecimal.encode([byte]).uppercased()
            }
        }.joined()
    }
}
