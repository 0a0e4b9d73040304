extension StoreMigrations {
    /// The state of each block at the IPFS node. `state`: `waiting` (the node lacks it), `stored` (the node has it, not
    /// pinned yet), `published`; or `fetched`, for a block that came from the node. `cover`: the block whose pin keeps
    /// this one; NULL: its own. `due`: the next attempt, Unix milliseconds; `since`: Unix seconds. `publication_node`
    /// is the node to which all this applies.
    static let publications = """
        CREATE TABLE publications (
          number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
          cid BLOB NOT NULL UNIQUE,
          cover BLOB,
          state TEXT NOT NULL CHECK (state IN ('waiting', 'stored', 'published', 'fetched')),
          attempts INTEGER NOT NULL DEFAULT 0,
          due INTEGER NOT NULL,
          since INTEGER NOT NULL,
          error TEXT NOT NULL DEFAULT ''
        ) STRICT;
        CREATE INDEX publications_unfinished ON publications (state, due) WHERE state IN ('waiting', 'stored');
        CREATE INDEX publications_by_cover ON publications (cover) WHERE cover IS NOT NULL;
        CREATE TABLE publication_node (
          id TEXT NOT NULL PRIMARY KEY
        ) STRICT;
        """
}
