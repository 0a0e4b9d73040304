extension StoreMigrations {
    /// Where a user's key comes from: 0 made on the token, 1 imported.
    static let keyOrigins = """
        ALTER TABLE keys ADD COLUMN origin INTEGER NOT NULL DEFAULT 0 CHECK (origin IN (0, 1));
        """
}
