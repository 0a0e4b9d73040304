extension StoreMigrations {
    /// From here on a block costs its owner 512 bytes beside its content, for its rows: they stay when `ledger gc` has
    /// dropped the content. The users' totals are computed again from the stored blocks.
    static let blockCharge = """
        DELETE FROM ledger_usage;
        INSERT INTO ledger_usage (owner_uid, owner_name, bytes)
          SELECT owner_uid, owner_name,
            sum(512 + CASE WHEN length(bytes) = 0 AND segment IS NULL THEN 0 ELSE size END)
          FROM blocks GROUP BY owner_uid, owner_name;
        """
}
