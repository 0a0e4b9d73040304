extension StoreMigrations {
    /// What PKCS#11 shows of users' keys: a CKA_ID that the owner set, and X.509 certificates in DER with the SHA-256 of
    /// each. `added` is in Unix seconds.
    static let keyViews = """
        CREATE TABLE key_ids (
          object BLOB NOT NULL PRIMARY KEY REFERENCES keys (object) ON DELETE CASCADE,
          id BLOB NOT NULL CHECK (length(id) BETWEEN 1 AND 64)
        ) STRICT;
        CREATE TABLE key_certificates (
          object BLOB NOT NULL REFERENCES keys (object) ON DELETE CASCADE,
          sha256 BLOB NOT NULL CHECK (length(sha256) = 32),
          certificate BLOB NOT NULL CHECK (length(certificate) BETWEEN 1 AND 16384),
          added INTEGER NOT NULL,
          PRIMARY KEY (object, sha256)
        ) STRICT;
        """
}
