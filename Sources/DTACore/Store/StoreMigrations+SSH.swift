extension StoreMigrations {
    /// What users decide about ssh.sock. `ssh_keys`: which keys a user hides from it, and their order (the smaller
    /// `place` first). `ssh_locks`: a user's lock, with the passphrase's scrypt, how often it was wrong, and until when
    /// none is tried (Unix seconds). `ssh_destinations`: to what a key is constrained, as DTASSH encodes it.
    static let ssh = """
        CREATE TABLE ssh_keys (
          user_uid INTEGER NOT NULL,
          user_name TEXT NOT NULL,
          object BLOB NOT NULL REFERENCES keys (object) ON DELETE CASCADE,
          hidden INTEGER NOT NULL DEFAULT 0 CHECK (hidden IN (0, 1)),
          place INTEGER NOT NULL DEFAULT 0,
          PRIMARY KEY (user_uid, user_name, object)
        ) STRICT;
        CREATE INDEX ssh_keys_by_object ON ssh_keys (object);
        CREATE TABLE ssh_locks (
          user_uid INTEGER NOT NULL,
          user_name TEXT NOT NULL,
          salt BLOB NOT NULL CHECK (length(salt) = 16),
          verifier BLOB NOT NULL CHECK (length(verifier) = 32),
          failures INTEGER NOT NULL DEFAULT 0,
          not_before INTEGER NOT NULL DEFAULT 0,
          PRIMARY KEY (user_uid, user_name)
        ) STRICT;
        CREATE TABLE ssh_destinations (
          object BLOB NOT NULL PRIMARY KEY REFERENCES keys (object) ON DELETE CASCADE,
          destinations BLOB NOT NULL
        ) STRICT;
        """

    /// Keys whose owners are asked before they sign on ssh.sock: each time, or once a session.
    static let sshConfirmations = """
        CREATE TABLE ssh_confirmations (
          object BLOB NOT NULL PRIMARY KEY REFERENCES keys (object) ON DELETE CASCADE,
          once_a_session INTEGER NOT NULL CHECK (once_a_session IN (0, 1))
        ) STRICT;
        """

    /// Certificates that are offered beside keys, as SSH carries them.
    static let sshCertificates = """
        CREATE TABLE ssh_certificates (
          number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
          object BLOB NOT NULL REFERENCES keys (object) ON DELETE CASCADE,
          certificate BLOB NOT NULL
        ) STRICT;
        CREATE INDEX ssh_certificates_by_object ON ssh_certificates (object);
        """
}
