import CLinux

/// The C library's allocator for large buffers. By default it keeps them in its heaps, and returns and requests these
/// all the time: both are bad for thousands of buffers of a MiB.
public enum Allocator {
    /// Every buffer of 256 KiB and more is mapped by itself, and unmapped when it is freed: for a process that is to
    /// stay small.
    public static func returnLargeBuffers() { clinux_tune_allocator(256 << 10, 0) }

    /// Buffers are kept for the next ones: for a process that moves much data and ends.
    public static func keepLargeBuffers() { clinux_tune_allocator(32 << 20, 128 << 20) }
}
