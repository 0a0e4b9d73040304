import DTABytes
import DTAFormats
import DTASystem

/// An order that came out of a backup: the fiduciary's host does not go on with it by its rules.
extension OrderRecord {
    /// That it was not compared yet with what others have of it; nil: it was, or it is over.
    var handReason: String? {
        guard let made = restored, !state.isOver, state != .frozen else { return nil }
        return "restored from a backup of \(UTCTime.text(made)): compare with the others' copies first"
    }

    /// - Throws: if it waits for somebody who says what is to be done with it, and not only that something is.
    func requireCompared() throws {
        guard let reason = handReason else { return }
        throw DTAError(
            .failedPrecondition, "order \(reference) was \(reason)",
            helps: .compareOrder, about: reference.description)
    }
}
