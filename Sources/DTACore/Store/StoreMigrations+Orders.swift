/// Orders.
extension StoreMigrations {
    /// `orders` has a row for each order in which an identity on this host has a part. `terms` is their DAG-CBOR; the
    /// rest of part 1 stays in its envelope. `owner_uid`, `owner_name`: the user who made it or brought it here.
    ///
    /// `order_parts` has the parts that came or were made here, refused ones too. `decision`, `expires` and `approval`
    /// are of approvals; the signed bytes of these go into part 4.
    ///
    /// `order_views` serves lists: it has a row for each identity that has a part in an order, named by its small
    /// number in `order_identities`; identity 0 stands for administrators, who see all. It repeats the columns that
    /// lists sort and filter by, so that an index serves each page.
    ///
    /// `order_secrets` has what dtad-hsm sealed for an order, under the key of an epoch (NULL: a plugin's state that
    /// was sealed under the key for rows, before `order-states`). `epochs` has how many secrets each epoch has, and
    /// when it must be destroyed. `order_shares` tells which order uses a share of a bitcoin wallet.
    static let orders = """
        CREATE TABLE orders (
          number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
          cid BLOB NOT NULL UNIQUE,
          thread BLOB NOT NULL CHECK (length(thread) = 16),
          reference TEXT NOT NULL,
          type TEXT NOT NULL,
          state TEXT NOT NULL,
          reason TEXT NOT NULL,
          terms BLOB NOT NULL,
          uses INTEGER NOT NULL,
          commitment BLOB,
          public BLOB,
          proof BLOB,
          head BLOB,
          open BLOB,
          deposit BLOB,
          created INTEGER NOT NULL,
          updated INTEGER NOT NULL,
          owner_uid INTEGER NOT NULL,
          owner_name TEXT NOT NULL
        ) STRICT;
        CREATE INDEX orders_by_reference ON orders (reference);
        CREATE INDEX orders_by_thread ON orders (thread);
        CREATE TABLE order_usage (
          owner_uid INTEGER NOT NULL,
          owner_name TEXT NOT NULL,
          count INTEGER NOT NULL,
          PRIMARY KEY (owner_uid, owner_name)
        ) STRICT;
        CREATE TABLE order_parts (
          number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
          in_order INTEGER NOT NULL REFERENCES orders (number),
          cid BLOB NOT NULL UNIQUE,
          inner_hash BLOB NOT NULL CHECK (length(inner_hash) = 32),
          kind TEXT NOT NULL,
          use INTEGER NOT NULL,
          sender BLOB NOT NULL,
          previous BLOB,
          created INTEGER NOT NULL,
          received INTEGER NOT NULL,
          status TEXT NOT NULL CHECK (status IN ('accepted', 'refused', 'evidence')),
          reason TEXT NOT NULL,
          decision TEXT,
          expires INTEGER,
          approval BLOB
        ) STRICT;
        CREATE INDEX order_parts_by_order ON order_parts (in_order, number);
        CREATE INDEX order_parts_by_kind ON order_parts (in_order, kind, use, number) WHERE status = 'accepted';
        CREATE INDEX order_parts_refused ON order_parts (in_order) WHERE status = 'refused';
        CREATE INDEX order_parts_by_previous ON order_parts (previous, number) WHERE previous IS NOT NULL;
        CREATE INDEX order_parts_by_inner_hash ON order_parts (inner_hash);
        CREATE TABLE order_identities (
          id INTEGER NOT NULL PRIMARY KEY,
          cid BLOB NOT NULL UNIQUE
        ) STRICT;
        CREATE TABLE order_views (
          identity INTEGER NOT NULL,
          in_order INTEGER NOT NULL REFERENCES orders (number),
          roles INTEGER NOT NULL,
          state TEXT NOT NULL,
          created INTEGER NOT NULL,
          updated INTEGER NOT NULL,
          PRIMARY KEY (identity, in_order)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX order_views_of_order ON order_views (in_order);
        CREATE INDEX order_views_by_created ON order_views (identity, created, in_order);
        CREATE INDEX order_views_by_updated ON order_views (identity, updated, in_order);
        CREATE INDEX order_views_by_state_created ON order_views (identity, state, created, in_order);
        CREATE INDEX order_views_by_state_updated ON order_views (identity, state, updated, in_order);
        CREATE TABLE epochs (
          number INTEGER NOT NULL PRIMARY KEY,
          created INTEGER NOT NULL,
          count INTEGER NOT NULL,
          destroy_at INTEGER,
          destroyed INTEGER
        ) STRICT;
        CREATE TABLE order_secrets (
          in_order INTEGER NOT NULL PRIMARY KEY REFERENCES orders (number),
          epoch INTEGER REFERENCES epochs (number),
          blob BLOB NOT NULL,
          object BLOB UNIQUE CHECK (length(object) = 16),
          owner_uid INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX order_secrets_by_epoch ON order_secrets (epoch);
        CREATE TABLE order_destructions (
          in_order INTEGER NOT NULL PRIMARY KEY REFERENCES orders (number),
          epoch INTEGER NOT NULL,
          done INTEGER NOT NULL CHECK (done IN (0, 1))
        ) STRICT;
        CREATE INDEX order_destructions_pending ON order_destructions (epoch) WHERE done = 0;
        CREATE TABLE wallet_shares (
          number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
          share BLOB NOT NULL UNIQUE CHECK (length(share) = 33),
          identity BLOB NOT NULL,
          owner_uid INTEGER NOT NULL,
          owner_name TEXT NOT NULL,
          sealed BLOB NOT NULL,
          published BLOB,
          created INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX wallet_shares_by_owner ON wallet_shares (owner_uid, owner_name, number);
        CREATE TABLE order_shares (
          share BLOB NOT NULL PRIMARY KEY CHECK (length(share) = 33),
          in_order BLOB NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX envelopes_of_shares ON envelopes (sender, number)
          WHERE content = 'application/vnd.dta.wallet-shares';
        """

    /// `is_state` distinguishes the state of a plugin from secrets of dtad-hsm: both are sealed under epochs' keys.
    static let orderStates = """
        ALTER TABLE order_secrets ADD COLUMN is_state INTEGER NOT NULL DEFAULT 0 CHECK (is_state IN (0, 1));
        """
}
