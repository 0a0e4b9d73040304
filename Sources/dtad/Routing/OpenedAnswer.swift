import DTAEnvelopes
import DTASystem
import Foundation

/// The content of an envelope for an answer: its body or its key, in memory that is wiped at the end.
struct OpenedAnswer: Sendable {
    let cid: String
    let fields: [(String, String)]
    /// The body, or the key of its chunks.
    let secret: Data
    /// Of a body in chunks.
    let size: Int?

    init(_ opened: consuming EnvelopeService.Opened) {
        cid = opened.cid.description
        fields = opened.wire
        var bytes: [UInt8]
        switch opened.content {
        case .body(let body): (bytes, size) = (body, nil)
        case .chunks(let count, let key): (bytes, size) = (key ?? [], count)
        }
        // So that these are the only copies, and are wiped in place.
        opened.content = .body([])
        secret = Data(secret: bytes)
        wipe(&bytes)
    }
}
