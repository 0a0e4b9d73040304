import DTABytes
import DTAFormats
import DTASystem

/// An order that came out of a backup: the fiduciary's host does not continue it automatically.
extension OrderRecord {
    /// Why the order waits: it was not yet compared with the others' copies; nil: it was compared, or is over.
    var handReason: String? {
        guard let made = restored, !state.isOver, state != .frozen else { return nil }
        return "restored from a backup of \(UTCTime.text(made)): compare with the others' copies first"
    }

    /// - Throws: if the order waits to be compared: then a person must name the step, not only ask for the next one.
    func requireCompared() throws {
        guard let reason = handReason else { return }
        throw DTAError(
            .failedPrecondition, "order \(reference) was \(reason)",
            helps: .compareOrder, about: reference.description)
    }
}
