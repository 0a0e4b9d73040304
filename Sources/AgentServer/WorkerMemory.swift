/// What a worker keeps from one event to the next. It belongs to one thread.
final class WorkerMemory {
    /// Where bytes are received.
    let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)
    let habit: CustodyHabit

    /// - Parameter processor: the one that the thread stays on.
    init(processor: Int32? = nil) { habit = CustodyHabit(processor: processor) }

    deinit { scratch.deallocate() }
}
