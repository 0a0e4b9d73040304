extension StoreMigrations {
    /// How identities follow each other.
    ///
    /// `documents.claim` is the state of an identity's claim to replace `previous`: `waiting` until the document of
    /// that identity is here, then `previous` or `recovery` by the signature that it holds, or `forged`.
    /// `revocations.claim` is the same. `identities` may have several rows of one name, of which the newest is
    /// `current`: the older keys still open envelopes that were sealed to them. `trust` has the identities that this
    /// host trusts or distrusts, with their aliases.
    static let lines = """
        ALTER TABLE documents ADD COLUMN previous BLOB;
        ALTER TABLE documents ADD COLUMN claim TEXT;
        CREATE INDEX documents_by_previous ON documents (previous, claim) WHERE previous IS NOT NULL;
        CREATE TABLE revocations (
          cid BLOB NOT NULL PRIMARY KEY REFERENCES blocks (cid),
          revokes BLOB NOT NULL,
          at INTEGER NOT NULL,
          claim TEXT NOT NULL
        ) STRICT;
        CREATE INDEX revocations_by_identity ON revocations (revokes, claim);
        CREATE TABLE trust (
          cid BLOB NOT NULL PRIMARY KEY,
          alias TEXT UNIQUE,
          url TEXT NOT NULL,
          state TEXT NOT NULL CHECK (state IN ('trusted', 'distrusted')),
          since INTEGER NOT NULL,
          by_uid INTEGER NOT NULL,
          by_name TEXT NOT NULL
        ) STRICT;
        CREATE TABLE lines (
          number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
          name TEXT NOT NULL,
          owner_uid INTEGER NOT NULL,
          owner_name TEXT NOT NULL,
          cid BLOB NOT NULL UNIQUE REFERENCES blocks (cid),
          signing_object BLOB NOT NULL UNIQUE CHECK (length(signing_object) = 16),
          kem_object BLOB NOT NULL UNIQUE CHECK (length(kem_object) = 16),
          public_kem BLOB NOT NULL,
          sealed_seed BLOB NOT NULL,
          created INTEGER NOT NULL,
          current INTEGER NOT NULL CHECK (current IN (0, 1))
        ) STRICT;
        INSERT INTO lines (name, owner_uid, owner_name, cid, signing_object, kem_object, public_kem, sealed_seed, created,
          current)
          SELECT name, owner_uid, owner_name, cid, signing_object, kem_object, public_kem, sealed_seed, created, 1
          FROM identities ORDER BY created, name;
        DROP TABLE identities;
        ALTER TABLE lines RENAME TO identities;
        CREATE UNIQUE INDEX identities_current ON identities (name) WHERE current = 1;
        """
}
