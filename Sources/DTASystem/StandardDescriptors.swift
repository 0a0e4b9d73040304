import Glibc

/// Descriptors 0, 1 and 2. A program may be started with one of them closed (`>&-`); the next file or socket that it
/// opens would get that number, and text for the terminal would be written there.
public enum StandardDescriptors {
    /// Opens those that are closed. Reading from such a standard input and writing to such a standard output then fail
    /// with EBADF; text for such a standard error is lost. To be called first of all.
    public static func fill() {
        for (number, flags) in [(STDIN_FILENO, O_WRONLY), (STDOUT_FILENO, O_RDONLY), (STDERR_FILENO, O_WRONLY)]
        where fcntl(number, F_GETFD) == -1 {
            // The lowest free number: those below are open.
            _ = unsafe open("/dev/null", flags)
        }
    }
}
