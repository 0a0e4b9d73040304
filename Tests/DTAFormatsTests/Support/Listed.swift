@testable import DTAFormats

extension Envelope {
    /// The recipients and wraps of an envelope that lists them itself; none for another one.
    var listed: (to: [CID], wraps: [Wrap]) {
        if case .listed(let to, let wraps)? = sealing?.recipients { (to, wraps) } else { ([], []) }
    }
}
