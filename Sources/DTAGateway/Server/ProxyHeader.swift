import NIOCore

/// The header of the PROXY protocol, version 1 or 2 (https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt): the
/// client for which a proxy connects.
enum ProxyHeader: Equatable {
    /// More bytes are needed.
    case incomplete
    case malformed
    /// The client's address; nil: the connection is the proxy's own.
    case client(String?)

    private static let signature: [UInt8] = [
        0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a,
    ]
    /// The most bytes of version 1's line (its §2.1), and of the part after version 2's fixed part.
    private static let lineLimit = 107
    private static let extraLimit = 4096

    /// Takes a header from the beginning of a buffer, once all of it is there.
    static func take(_ buffer: inout ByteBuffer) -> ProxyHeader {
        let start = Array(buffer.readableBytesView.prefix(signature.count))
        if signature.starts(with: start) {
            return start.count < signature.count ? .incomplete : binary(&buffer)
        }
        guard "PROXY ".utf8.starts(with: start.prefix(6)) else { return .malformed }
        return line(&buffer)
    }

    private static func binary(_ buffer: inout ByteBuffer) -> ProxyHeader {
        let at = buffer.readerIndex + signature.count
        guard let version: UInt8 = buffer.getInteger(at: at), let family: UInt8 = buffer.getInteger(at: at + 1),
            let length: UInt16 = buffer.getInteger(at: at + 2)
        else { return .incomplete }
        guard version >> 4 == 2, version & 15 <= 1, Int(length) <= extraLimit else { return .malformed }
        guard buffer.readableBytes >= signature.count + 4 + Int(length) else { return .incomplete }
        let addresses = buffer.getBytes(at: at + 4, length: Int(length)) ?? []
        buffer.moveReaderIndex(forwardBy: signature.count + 4 + Int(length))
        // LOCAL: the proxy's own connection, such as a health check.
        guard version & 15 == 1 else { return .client(nil) }
        switch family >> 4 {
        case 1:
            guard addresses.count >= 12 else { return .malformed }
            return .client(addresses[..<4].map(String.init).joined(separator: "."))
        case 2:
            guard addresses.count >= 36 else { return .malformed }
            let groups = stride(from: 0, to: 16, by: 2).map { at in
                String(Int(addresses[at]) << 8 | Int(addresses[at + 1]), radix: 16)
            }
            return .client(groups.joined(separator: ":"))
        default: return .client(nil)
        }
    }

    private static func line(_ buffer: inout ByteBuffer) -> ProxyHeader {
        let bytes = buffer.readableBytesView.prefix(lineLimit)
        guard let end = bytes.firstIndex(of: 0x0a) else {
            return buffer.readableBytes >= lineLimit ? .malformed : .incomplete
        }
        let text = String(decoding: bytes[..<end], as: UTF8.self)
        buffer.moveReaderIndex(to: end + 1)
        // A carriage return with what follows it is one character for Swift; alone it is none here.
        guard text.hasSuffix("\r") else { return .malformed }
        let words = text.dropLast().split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        guard words.count >= 2 else { return .malformed }
        if words[1] == "UNKNOWN" { return .client(nil) }
        guard words.count == 6, ["TCP4", "TCP6"].contains(words[1]), UInt16(words[4]) != nil, UInt16(words[5]) != nil,
            TrustedProxies.Network.bytes(words[2]) != nil, words[2].contains(":") == (words[1] == "TCP6")
        else { return .malformed }
        return .client(words[2])
    }
}

/// Reads the header that a trusted proxy sends at the start of a connection, and passes the rest on.
final class ProxyHeaderReader: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let connections: Connections
    private var buffer = ByteBuffer()
    private var isDone = false
    private var isRefused = false

    init(_ connections: Connections) { self.connections = connections }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isRefused else { return }
        guard !isDone else {
            context.fireChannelRead(data)
            return
        }
        var arrived = unwrapInboundIn(data)
        buffer.writeBuffer(&arrived)
        switch ProxyHeader.take(&buffer) {
        case .incomplete: return
        case .malformed: refuse(context)
        case .client(let address):
            if let address, !connections.identify(context.channel, as: address) { return refuse(context) }
            isDone = true
            if buffer.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(buffer)) }
            buffer = ByteBuffer()
            context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
        }
    }

    private func refuse(_ context: ChannelHandlerContext) {
        isRefused = true
        buffer = ByteBuffer()
        context.close(promise: nil)
    }
}
