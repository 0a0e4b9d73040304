import Glibc

/// Whether the other side of an idle stream socket has not closed it.
func isStillOpen(_ socket: Int32) -> Bool {
    var byte: UInt8 = 0
    let peeked = unsafe recv(socket, &byte, 1, Int32(MSG_PEEK | MSG_DONTWAIT))
    return peeked > 0 || (peeked < 0 && errno == EAGAIN)
}
