extension StoreMigrations {
    /// The ML-DSA-65 keys of own identities that have one: the public half, and the seed as dtad-hsm sealed it.
    static let postQuantum = """
        ALTER TABLE identities ADD COLUMN pq_public BLOB;
        ALTER TABLE identities ADD COLUMN pq_seed BLOB CHECK ((pq_seed IS NULL) = (pq_public IS NULL));
        """
}
