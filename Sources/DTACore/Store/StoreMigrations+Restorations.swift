/// What a restored database must not forget.
extension StoreMigrations {
    /// `restored` is when the backup was made (Unix seconds) from which an unfinished order came back; NULL if it came
    /// from none, or a person has compared it with the others' copies. `restorations` has a row for each time that this
    /// database came from a backup: when that was made, and when it was restored.
    static let restorations = """
        ALTER TABLE orders ADD COLUMN restored INTEGER;
        CREATE TABLE restorations (
          number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
          made INTEGER NOT NULL,
          restored INTEGER NOT NULL
        ) STRICT;
        """
}
