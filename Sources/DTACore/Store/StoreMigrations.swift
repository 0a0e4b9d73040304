import GRDB

/// The database's schema, as named steps. They are append-only: a released step never changes. So a step calls no code
/// of the agent, which does change: it contains all that it does to rows. It may read documents with DTAFormats,
/// because formats never change.
package enum StoreMigrations {
    package static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("keys") { try $0.execute(sql: keys) }
        migrator.registerMigration("intents") { try $0.execute(sql: intents) }
        migrator.registerMigration("blocks") { try $0.execute(sql: blocks) }
        migrator.registerMigration("identities") { try $0.execute(sql: identities) }
        migrator.registerMigration("segments") { try $0.execute(sql: segments) }
        migrator.registerMigration("envelopes", migrate: envelopes)
        migrator.registerMigration("lines") { try $0.execute(sql: lines) }
        migrator.registerMigration("publications") { try $0.execute(sql: publications) }
        migrator.registerMigration("post-quantum") { try $0.execute(sql: postQuantum) }
        migrator.registerMigration("block-charge") { try $0.execute(sql: blockCharge) }
        migrator.registerMigration("publication-turns") { try $0.execute(sql: publicationTurns) }
        migrator.registerMigration("orders") { try $0.execute(sql: orders) }
        migrator.registerMigration("restorations") { try $0.execute(sql: restorations) }
        migrator.registerMigration("offered-shares", migrate: offeredShares)
        migrator.registerMigration("refusals") { try $0.execute(sql: refusals) }
        migrator.registerMigration("order-states") { try $0.execute(sql: orderStates) }
        migrator.registerMigration("key-bindings") { try $0.execute(sql: keyBindings) }
        migrator.registerMigration("destructions") { try $0.execute(sql: destructions) }
        migrator.registerMigration("audit-memory") { try $0.execute(sql: auditMemory) }
        migrator.registerMigration("token") { try $0.execute(sql: token) }
        migrator.registerMigration("ssh") { try $0.execute(sql: ssh) }
        migrator.registerMigration("ssh-certificates") { try $0.execute(sql: sshCertificates) }
        migrator.registerMigration("key-views") { try $0.execute(sql: keyViews) }
        migrator.registerMigration("key-origins") { try $0.execute(sql: keyOrigins) }
        migrator.registerMigration("ssh-confirmations") { try $0.execute(sql: sshConfirmations) }
        return migrator
    }

    /// Users' keys. `object` is the token object's CKA_ID, `type` the wire's number, `public_key` as the token gave it.
    private static let keys = """
        CREATE TABLE keys (
          name TEXT NOT NULL PRIMARY KEY,
          type INTEGER NOT NULL,
          owner_uid INTEGER NOT NULL,
          owner_name TEXT NOT NULL,
          object BLOB NOT NULL UNIQUE CHECK (length(object) = 16),
          created INTEGER NOT NULL,
          public_key BLOB NOT NULL
        ) STRICT;
        """

    /// What will be made or destroyed on the token. A row that outlives its operation names what a crash left there.
    private static let intents = """
        CREATE TABLE intents (
          id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
          kind TEXT NOT NULL,
          name TEXT NOT NULL,
          created INTEGER NOT NULL
        ) STRICT;
        CREATE TABLE intent_objects (
          intent INTEGER NOT NULL REFERENCES intents (id) ON DELETE CASCADE,
          class INTEGER NOT NULL,
          object BLOB NOT NULL UNIQUE CHECK (length(object) = 16)
        ) STRICT;
        CREATE INDEX intent_objects_by_intent ON intent_objects (intent);
        """

    /// The ledger. `number` is the order of arrival; `kind` is identity, envelope or block. `ledger_usage` is what each
    /// user has stored; `documents` is what lists show of the identities among the blocks.
    private static let blocks = """
        CREATE TABLE blocks (
          number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
          cid BLOB NOT NULL UNIQUE,
          bytes BLOB NOT NULL,
          size INTEGER NOT NULL,
          kind TEXT NOT NULL,
          stored INTEGER NOT NULL,
          owner_uid INTEGER NOT NULL,
          owner_name TEXT NOT NULL
        ) STRICT;
        CREATE TABLE ledger_usage (
          owner_uid INTEGER NOT NULL,
          owner_name TEXT NOT NULL,
          bytes INTEGER NOT NULL,
          PRIMARY KEY (owner_uid, owner_name)
        ) STRICT;
        CREATE TABLE documents (
          cid BLOB NOT NULL PRIMARY KEY REFERENCES blocks (cid),
          name TEXT NOT NULL,
          created INTEGER NOT NULL
        ) STRICT;
        """

    /// Identities with their private keys on this host; their documents are blocks.
    private static let identities = """
        CREATE TABLE identities (
          name TEXT NOT NULL PRIMARY KEY,
          owner_uid INTEGER NOT NULL,
          owner_name TEXT NOT NULL,
          cid BLOB NOT NULL UNIQUE REFERENCES blocks (cid),
          signing_object BLOB NOT NULL UNIQUE CHECK (length(signing_object) = 16),
          kem_object BLOB NOT NULL UNIQUE CHECK (length(kem_object) = 16),
          public_kem BLOB NOT NULL,
          sealed_seed BLOB NOT NULL,
          created INTEGER NOT NULL
        ) STRICT;
        """
}
