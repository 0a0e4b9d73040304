/// The version of everything that is built from this tree (semver.org).
public enum Version {
    public static let current = "0.1.0"
}
