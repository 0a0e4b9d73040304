extension StoreMigrations {
    /// The keys that an administrator bound, and whether the audit log has a record of it: `kind` 1 is the key of an
    /// order, 2 the post-quantum key of an identity; `subject` is the CID of either, `key` the SHA-256 of the key's
    /// SubjectPublicKeyInfo, `bound` Unix seconds.
    static let keyBindings = """
        CREATE TABLE key_bindings (
          number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
          kind INTEGER NOT NULL CHECK (kind IN (1, 2)),
          subject BLOB NOT NULL,
          key BLOB NOT NULL CHECK (length(key) = 32),
          bound INTEGER NOT NULL,
          recorded INTEGER NOT NULL DEFAULT 0 CHECK (recorded IN (0, 1))
        ) STRICT;
        CREATE INDEX key_bindings_to_record ON key_bindings (number) WHERE recorded = 0;
        """
}
