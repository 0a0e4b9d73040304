extension StoreMigrations {
    /// The one token to which the state belongs, since it was first seen.
    static let token = """
        CREATE TABLE token (
          number INTEGER NOT NULL PRIMARY KEY CHECK (number = 1),
          serial TEXT NOT NULL,
          landmark BLOB NOT NULL CHECK (length(landmark) = 16)
        ) STRICT;
        """
}
