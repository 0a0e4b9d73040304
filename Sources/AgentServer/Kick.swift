import DTASystem
import Glibc

/// An event that threads send to the workers.
final class Kick: Sendable {
    let descriptor: Descriptor

    init() throws {
        descriptor = try eventDescriptor()
    }

    func send() {
        var one: UInt64 = 1
        _ = write(descriptor.number, &one, 8)
    }

    func clear() {
        var count: UInt64 = 0
        _ = read(descriptor.number, &count, 8)
    }
}
