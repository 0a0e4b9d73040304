/// The destruction of orders' secrets.
extension StoreMigrations {
    /// `destroying` is when the destruction of an order's secret was decided (Unix seconds), until it is done; NULL
    /// before and after.
    static let destructions = """
        ALTER TABLE orders ADD COLUMN destroying INTEGER;
        CREATE INDEX orders_destroying ON orders (number) WHERE destroying IS NOT NULL;
        """
}
