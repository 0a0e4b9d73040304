import Hummingbird
import NIOCore

/// What is known of a request besides its own bytes.
struct GatewayContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    let channel: any Channel

    init(source: Source) {
        coreContext = .init(source: source)
        channel = source.channel
    }

    /// The client's IP address, as it was when it connected; "" on a Unix socket.
    var address = "unknown"
}
