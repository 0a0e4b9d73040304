extension StoreMigrations {
    /// Blocks go to the node in turns of the users: `owner_uid` is the user whose turn a row takes, or 0.
    static let publicationTurns = """
        ALTER TABLE publications ADD COLUMN owner_uid INTEGER NOT NULL DEFAULT 0;
        UPDATE publications SET owner_uid = coalesce(
          (SELECT blocks.owner_uid FROM blocks WHERE blocks.cid = publications.cid), 0);
        CREATE INDEX publications_turns ON publications (state, owner_uid, due) WHERE state IN ('waiting', 'stored');
        """
}
