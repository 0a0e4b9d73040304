/// What a restored database must not forget.
extension StoreMigrations {
    /// `restored` is when the backup was made (Unix seconds) out of which an order came back that was not over then; NULL
    /// where it did not, or somebody has compared it with what others have since. `restorations` has a row for each time
    /// that this database came out of a backup: when that was made, and when it was restored.
    static let restorations = """
        ALTER TABLE orders ADD COLUMN restored INTEGER;
        CREATE TABLE restorations (
          number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
          made INTEGER NOT NULL,
          restored INTEGER NOT NULL
        ) STRICT;
        """
}
