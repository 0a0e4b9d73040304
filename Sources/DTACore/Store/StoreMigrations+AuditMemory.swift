/// What database and audit log know about each other.
extension StoreMigrations {
    /// `audit_files` has the finished files of the log: their records, the hash of the last line, and the files' facts.
    /// `audit_end` is how far the log went for certain; `sealed` is the same, sealed by the token. `state_change`
    /// counts the transactions that changed anything: the log names the last one in its next record.
    static let auditMemory = """
        CREATE TABLE audit_files (
          first INTEGER NOT NULL PRIMARY KEY,
          last INTEGER NOT NULL,
          hash TEXT NOT NULL CHECK (length(hash) = 64),
          standing TEXT NOT NULL,
          fault TEXT,
          device INTEGER,
          inode INTEGER,
          size INTEGER,
          modified INTEGER,
          changed INTEGER
        ) STRICT;
        CREATE TABLE audit_end (
          id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
          current INTEGER NOT NULL,
          number INTEGER NOT NULL,
          hash TEXT NOT NULL CHECK (length(hash) = 64),
          clean INTEGER NOT NULL,
          sealed BLOB,
          device INTEGER,
          inode INTEGER,
          size INTEGER,
          modified INTEGER,
          changed INTEGER
        ) STRICT;
        CREATE TABLE state_change (
          id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
          number INTEGER NOT NULL
        ) STRICT;
        INSERT INTO state_change VALUES (1, 0);
        """
}
