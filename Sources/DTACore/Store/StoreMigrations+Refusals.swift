/// Refused parts and orders.
extension StoreMigrations {
    /// `stranger`: for a refused part, whether no identity of its sender's line has a part in the order. Refused orders
    /// do not count against the user who brought them.
    static let refusals = """
        ALTER TABLE order_parts ADD COLUMN stranger INTEGER NOT NULL DEFAULT 0 CHECK (stranger IN (0, 1));
        DROP INDEX order_parts_refused;
        CREATE INDEX order_parts_refused ON order_parts (in_order, stranger, sender) WHERE status = 'refused';
        UPDATE order_usage SET count = (
          SELECT count(*) FROM orders WHERE state != 'refused' AND orders.owner_uid = order_usage.owner_uid
          AND orders.owner_name = order_usage.owner_name);
        """
}
