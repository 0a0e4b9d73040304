import CLinux
import DTASystem

/// A new eventfd(2) that never blocks.
func eventDescriptor() throws -> Descriptor {
    Descriptor(
        owning: try systemCall("eventfd") { eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK)) })
}
