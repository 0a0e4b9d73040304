import Logging

/// Log lines about connections, each at most once a minute.
struct ConnectionNotices {
    let full = RareNotice()
    let gaveWay = RareNotice()
    let noDescriptor = RareNotice()
    let unknownCaller = RareNotice()
    let stalled = RareNotice()

    func log(_ now: UInt64, _ logger: Logger) {
        if let (count, last) = full.due(now) {
            logger.warning(
                "connections were refused, because all are taken", metadata: ["count": "\(count)", "last": "\(last)"])
        }
        if let (count, last) = gaveWay.due(now) {
            logger.notice(
                "idle connections were closed for those of others, because all are taken",
                metadata: ["count": "\(count)", "last": "\(last)"])
        }
        if let (count, last) = noDescriptor.due(now) {
            logger.error("connections cannot be accepted: \(last)", metadata: ["count": "\(count)"])
        }
        if let (count, _) = unknownCaller.due(now) {
            logger.warning(
                "connections were closed, because nothing said in time who connected", metadata: ["count": "\(count)"])
        }
        if let (count, last) = stalled.due(now) {
            logger.notice("clients stalled and were cut off", metadata: ["count": "\(count)", "last": "\(last)"])
        }
    }
}
