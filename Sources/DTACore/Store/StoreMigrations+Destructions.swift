/// The destruction of orders' secrets.
extension StoreMigrations {
    /// `destroying` is when somebody decided that an order's secret is destroyed (Unix seconds), until that is done; NULL
    /// before and after.
    static let destructions = """
        ALTER TABLE orders ADD COLUMN destroying INTEGER;
        CREATE INDEX orders_destroying ON orders (number) WHERE destroying IS NOT NULL;
        """
}
