/// The numbers of epochs' keys (`dta/epoch/<number>`): from 1 on, each one more than the newest on the token.
public enum EpochNumber {
    /// The last one. At 1,024 orders to an epoch it is never reached, and no sum with it overflows.
    public static let last: UInt32 = 1_000_000_000

    /// The newest of the epochs on a token; 0 if there is none. Keys above the last number were not made by dtad-hsm,
    /// and do not count.
    public static func newest(_ numbers: some Sequence<UInt32>) -> UInt32 { numbers.filter { $0 <= last }.max() ?? 0 }
}
