import CPKCS11

/// The library, the slot and the token in it.
extension Cryptoki {
    private static let manufacturer = "D-TA"

    func getInfo(_ reader: inout RPCReader, _ writer: inout RPCWriter) throws(CryptokiError) {
        try reader.end()
        writer.version(2, 40)
        writer.string(Cryptoki.manufacturer, length: 32)
        writer.number(0)
        writer.string("D-TA's keys", length: 32)
        writer.version(0, 1)
    }

    /// The slot is always there, so that programs which list slots once find a token that comes later.
    func getSlotList(_ reader: inout RPCReader, _ writer: inout RPCWriter) throws(CryptokiError) {
        let onlyWithToken = try reader.byte() != 0
        let room = try reader.room()
        try reader.end()
        let slots = onlyWithToken && !agent.isPresent() ? [] : [Cryptoki.slot]
        answer(slots, room, &writer)
    }

    private func answer(_ numbers: [UInt], _ room: Int?, _ writer: inout RPCWriter) {
        guard let room, room >= numbers.count else {
            writer.arrayLength(numbers.count)
            return
        }
        writer.numbers(numbers)
    }

    private func readSlot(_ reader: inout RPCReader) throws(CryptokiError) {
        guard try reader.number() == Cryptoki.slot else { throw CryptokiError(CKR_SLOT_ID_INVALID) }
    }

    func requireToken() throws(CryptokiError) {
        guard agent.isPresent() else { throw CryptokiError(CKR_TOKEN_NOT_PRESENT) }
    }

    func getSlotInfo(_ reader: inout RPCReader, _ writer: inout RPCWriter) throws(CryptokiError) {
        try readSlot(&reader)
        try reader.end()
        writer.string("D-TA's agent on this host", length: 64)
        writer.string(Cryptoki.manufacturer, length: 32)
        writer.number(CKF_REMOVABLE_DEVICE | (agent.isPresent() ? CKF_TOKEN_PRESENT : 0))
        writer.version(0, 1)
        writer.version(0, 1)
    }

    func getTokenInfo(_ reader: inout RPCReader, _ writer: inout RPCWriter) throws(CryptokiError) {
        try readSlot(&reader)
        try reader.end()
        try requireToken()
        writer.string("D-TA", length: 32)
        writer.string(Cryptoki.manufacturer, length: 32)
        writer.string("dtad", length: 16)
        writer.string("1", length: 16)
        // No log-in: the kernel says who asks. ssh wants an initialized token.
        writer.number(CKF_RNG | CKF_TOKEN_INITIALIZED | CKF_USER_PIN_INITIALIZED)
        let readWrite = sessions.values.count { $0.isReadWrite }
        writer.number(UInt(Cryptoki.sessionLimit))
        writer.number(UInt(sessions.count))
        writer.number(UInt(Cryptoki.sessionLimit))
        writer.number(UInt(readWrite))
        // The lengths of a PIN, which is asked by programs that insist, and not looked at.
        writer.number(255)
        writer.number(0)
        // CK_UNAVAILABLE_INFORMATION: the memory of the token.
        for _ in 0..<4 { writer.number(.max) }
        writer.version(0, 1)
        writer.version(0, 1)
        writer.string("", length: 16)
    }

    func getMechanismList(_ reader: inout RPCReader, _ writer: inout RPCWriter) throws(CryptokiError) {
        try readSlot(&reader)
        let room = try reader.room()
        try reader.end()
        answer(MechanismTable.all.map(\.type), room, &writer)
    }

    func getMechanismInfo(_ reader: inout RPCReader, _ writer: inout RPCWriter) throws(CryptokiError) {
        try readSlot(&reader)
        let type = try reader.number()
        try reader.end()
        guard let entry = MechanismTable.entry(type) else { throw CryptokiError(CKR_MECHANISM_INVALID) }
        writer.number(entry.smallest)
        writer.number(entry.largest)
        writer.number(entry.flags)
    }

    /// A thread that waits here would hold up all others of its client.
    func waitForSlotEvent(_ reader: inout RPCReader) throws(CryptokiError) {
        let flags = try reader.number()
        try reader.end()
        throw CryptokiError(flags & CKF_DONT_BLOCK != 0 ? CKR_NO_EVENT : CKR_FUNCTION_NOT_SUPPORTED)
    }

    /// Who administers the token does it through the agent.
    func refuseAdministration(_ call: RPCCall, _ reader: inout RPCReader) throws(CryptokiError) {
        if call == .initToken || call == .initToken2 {
            try readSlot(&reader)
            throw CryptokiError(CKR_TOKEN_WRITE_PROTECTED)
        }
        _ = try readSession(&reader)
        throw CryptokiError(CKR_FUNCTION_NOT_SUPPORTED)
    }

    func generateRandom(_ reader: inout RPCReader, _ writer: inout RPCWriter) throws(CryptokiError) {
        _ = try readSession(&reader)
        let count = try reader.room() ?? 0
        try reader.end()
        guard count <= Cryptoki.randomLimit else { throw CryptokiError(CKR_ARGUMENTS_BAD) }
        var bytes: [UInt8] = []
        while bytes.count < count { bytes += try agent.random(min(count - bytes.count, 65_536)) }
        writer.array(bytes)
    }

    /// Random bytes that a client gets at once.
    private static let randomLimit = 256 << 10
}
