import DTAEnvelopes
import TestSupport

extension EnvelopeService.Opened {
    /// The body if it is inline.
    var body: [UInt8]? { if case .body(let bytes) = content { bytes.array } else { nil } }
}
