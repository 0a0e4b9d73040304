import DTASystem
import Glibc

/// Frames for a socket that may take them only piece by piece.
struct AgentOutgoing {
    private var frames: [(id: UInt64, bytes: [UInt8])] = []
    /// How much of the first frame was sent.
    private var sent = 0

    enum Flushed {
        /// All was sent.
        case empty
        /// The socket takes no more for now.
        case pending
        /// The other side takes no more. Its earlier answers can still be read.
        case broken
    }

    mutating func append(_ frame: [UInt8], id: UInt64) {
        frames.append((id, frame))
    }

    /// Takes back a frame, unless the other side has seen the beginning of it.
    mutating func remove(_ id: UInt64) {
        frames.indices.dropFirst(sent > 0 ? 1 : 0).first { frames[$0].id == id }.map { _ = frames.remove(at: $0) }
    }

    /// Sends as much as a non-blocking socket takes.
    mutating func flush(to socket: Int32) -> Flushed {
        while let frame = frames.first {
            let count = frame.bytes[sent...].withUnsafeBytes { bytes in
                unsafe send(socket, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
            }
            if count >= 0 {
                sent += count
                guard sent == frame.bytes.count else { continue }
                frames.removeFirst()
                sent = 0
            } else if errno == EAGAIN {
                return .pending
            } else if errno != EINTR {
                frames = []
                sent = 0
                return .broken
            }
        }
        return .empty
    }
}
