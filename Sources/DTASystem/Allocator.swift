import CLinux

/// What the C library's allocator does with large buffers. By itself it comes to keep them in its heaps, and to give
/// these back and fetch them again all the time: neither is good if buffers of a MiB come by the thousand.
public enum Allocator {
    /// Every buffer of 256 KiB and more is of its own, and gone as soon as it is free: for a process that is to stay
    /// small.
    public static func returnLargeBuffers() { clinux_tune_allocator(256 << 10, 0) }

    /// Buffers are kept for the next ones: for a process that moves much data and ends.
    public static func keepLargeBuffers() { clinux_tune_allocator(32 << 20, 128 << 20) }
}
