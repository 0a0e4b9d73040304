import DTABytes
import DTAFormats

/// Reads private and secret keys from files that other programs wrote. It knows
///
/// - PEM (RFC 7468) and DER of PKCS#8 (RFC 5958), SEC 1 (RFC 5915) and PKCS#1 (RFC 8017 §A.1.2),
/// - OpenSSH's own form (PROTOCOL.key),
/// - JSON Web Keys (RFC 7517),
/// - the bare bytes of a key whose type is named.
///
/// Nothing is copied out of the text but the key itself, into memory that is zeroed. Encrypted keys are refused, by the
/// name of what encrypts them.
public enum KeyFile {
    /// The most bytes that a file may have: the longest key takes 5 KiB.
    public static let limit = 64 << 10

    /// Reads a key.
    /// - Parameters:
    ///   - text: the whole file.
    ///   - wanted: the type that the key must have; nil: the one that the file names.
    /// - Throws: `FormatError` that says what is wrong, or which other type the key has.
    public static func read(_ text: borrowing Secret, as wanted: TransportedKey.Kind? = nil) throws -> TransportedKey {
        let key = try read(text, wanted)
        guard wanted == nil || key.kind == wanted else {
            throw FormatError(.mismatch, "the key is of type \(key.kind), not \(wanted?.name ?? "")")
        }
        return key
    }

    private static func read(_ text: borrowing Secret, _ wanted: TransportedKey.Kind?) throws -> TransportedKey {
        guard text.count <= limit else { throw FormatError(.malformed, "it is larger than any file with a key") }
        guard !text.isEmpty else { throw FormatError(.malformed, "it is empty") }
        if let block = try text.withBytes({ try PEMBlock.find($0) }) { return try read(block, wanted) }
        let first = text.withBytes { bytes in
            bytes.indices.first { !isBlank(bytes[$0]) }.map { bytes[$0] }
        }
        if first == UInt8(ascii: "{"), let key = try JSONWebKeyReader.read(text, wanted) { return key }
        // A key of this type has exactly these bytes; the shortest PKCS#8 of another has as many as one of P-384.
        if let wanted, !isRSA(wanted), text.count == wanted.byteCount, !startsAsPKCS8(text) {
            return try TransportedKey(wanted, text.withBytes { Secret(copying: $0) })
        }
        guard text.withBytes({ $0[0] }) == DERReader.Tag.sequence else {
            throw FormatError(
                .unsupported,
                "it is neither PEM, DER, an OpenSSH key nor a JSON Web Key"
                    + (wanted.map { isRSA($0) ? "" : ", nor the \($0.byteCount) bytes of a \($0) key" } ?? ""))
        }
        return try ASN1Key.read(text)
    }

    private static func read(_ block: borrowing PEMBlock, _ wanted: TransportedKey.Kind?) throws -> TransportedKey {
        switch block.label {
        case "PRIVATE KEY": try block.withContents { try ASN1Key.pkcs8($0) }
        case "EC PRIVATE KEY": try block.withContents { try ASN1Key.sec1($0) }
        case "RSA PRIVATE KEY": try block.withContents { try ASN1Key.pkcs1($0) }
        case "OPENSSH PRIVATE KEY": try block.withContents { try OpenSSHKey.read($0) }
        case "ENCRYPTED PRIVATE KEY":
            throw FormatError(
                .unsupported, "it is encrypted (PKCS#8): openssl pkey -in FILE decrypts it", word: "encrypted")
        default: throw FormatError(.unsupported, "it holds no private key, but a \(block.label)")
        }
    }

    private static func isRSA(_ kind: TransportedKey.Kind) -> Bool { kind.algorithm?.isRSA ?? false }

    private static func startsAsPKCS8(_ text: borrowing Secret) -> Bool {
        text.withBytes { bytes in
            // SEQUENCE { INTEGER 0, SEQUENCE …
            bytes.count > 5 && bytes[0] == 0x30 && Int(bytes[1]) == bytes.count - 2 && bytes[2] == 0x02
                && bytes[3] == 0x01 && bytes[5] == 0x30
        }
    }

    static func isBlank(_ byte: UInt8) -> Bool { [0x20, 0x09, 0x0a, 0x0d].contains(byte) }
}
