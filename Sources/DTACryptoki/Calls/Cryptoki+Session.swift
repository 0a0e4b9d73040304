import CPKCS11

/// Sessions, and who is logged in.
extension Cryptoki {
    /// The handle of a session that is open.
    func readSession(_ reader: inout RPCReader) throws(CryptokiError) -> UInt {
        let handle = try reader.number()
        guard sessions[handle] != nil else { throw CryptokiError(CKR_SESSION_HANDLE_INVALID) }
        return handle
    }

    func openSession(_ reader: inout RPCReader, _ writer: inout RPCWriter) throws(CryptokiError) {
        guard try reader.number() == Cryptoki.slot else { throw CryptokiError(CKR_SLOT_ID_INVALID) }
        let flags = try reader.number()
        try reader.end()
        guard flags & CKF_SERIAL_SESSION != 0 else { throw CryptokiError(CKR_SESSION_PARALLEL_NOT_SUPPORTED) }
        guard sessions.count < Cryptoki.sessionLimit else { throw CryptokiError(CKR_SESSION_COUNT) }
        // A server's worker may begin while the agent restarts. A program that looks for tokens does not get here.
        guard agent.becomesPresent() else { throw CryptokiError(CKR_TOKEN_NOT_PRESENT) }
        lastSession += 1
        sessions[lastSession] = Session(isReadWrite: flags & CKF_RW_SESSION != 0)
        writer.number(lastSession)
    }

    func closeSession(_ reader: inout RPCReader) throws(CryptokiError) {
        let session = try readSession(&reader)
        try reader.end()
        sessions[session] = nil
        forget { $0.value.session == session }
        if sessions.isEmpty { isLoggedIn = false }
    }

    func closeAllSessions(_ reader: inout RPCReader) throws(CryptokiError) {
        guard try reader.number() == Cryptoki.slot else { throw CryptokiError(CKR_SLOT_ID_INVALID) }
        try reader.end()
        sessions = [:]
        forget { _ in true }
        isLoggedIn = false
    }

    func getSessionInfo(_ reader: inout RPCReader, _ writer: inout RPCWriter) throws(CryptokiError) {
        let handle = try readSession(&reader)
        try reader.end()
        let isReadWrite = sessions[handle]?.isReadWrite == true
        writer.number(Cryptoki.slot)
        switch (isReadWrite, isLoggedIn) {
        case (false, false): writer.number(CKS_RO_PUBLIC_SESSION)
        case (false, true): writer.number(CKS_RO_USER_FUNCTIONS)
        case (true, false): writer.number(CKS_RW_PUBLIC_SESSION)
        case (true, true): writer.number(CKS_RW_USER_FUNCTIONS)
        }
        writer.number(CKF_SERIAL_SESSION | (isReadWrite ? CKF_RW_SESSION : 0))
        writer.number(0)
    }

    // MARK: Log-in

    /// Any PIN will do, for programs that insist on a log-in: the kernel says who asks. The PIN is not even read.
    func login(_ reader: inout RPCReader) throws(CryptokiError) {
        _ = try readSession(&reader)
        let user = try reader.number()
        _ = try reader.array()
        try reader.end()
        try login(user)
    }

    func loginUser(_ reader: inout RPCReader) throws(CryptokiError) {
        _ = try readSession(&reader)
        let user = try reader.number()
        _ = try reader.array()
        _ = try reader.array()
        try reader.end()
        try login(user)
    }

    private func login(_ user: UInt) throws(CryptokiError) {
        switch user {
        case CKU_USER:
            guard !isLoggedIn else { throw CryptokiError(CKR_USER_ALREADY_LOGGED_IN) }
            isLoggedIn = true
        // No key wants a PIN for each use.
        case CKU_CONTEXT_SPECIFIC: throw CryptokiError(CKR_OPERATION_NOT_INITIALIZED)
        default: throw CryptokiError(CKR_USER_TYPE_INVALID)
        }
    }

    func logout(_ reader: inout RPCReader) throws(CryptokiError) {
        _ = try readSession(&reader)
        try reader.end()
        guard isLoggedIn else { throw CryptokiError(CKR_USER_NOT_LOGGED_IN) }
        isLoggedIn = false
    }

    /// Ends operations (PKCS#11 3.0, 5.6.9).
    func cancel(_ reader: inout RPCReader) throws(CryptokiError) {
        let session = try readSession(&reader)
        let flags = try reader.number()
        try reader.end()
        if flags & CKF_SIGN != 0 { sessions[session]?.sign = nil }
        if flags & CKF_VERIFY != 0 { sessions[session]?.verify = nil }
        if flags & CKF_ENCRYPT != 0 { sessions[session]?.encrypt = nil }
        if flags & CKF_DECRYPT != 0 { sessions[session]?.decrypt = nil }
        if flags & CKF_DIGEST != 0 { sessions[session]?.digest = nil }
        if flags & Cryptoki.findFlag != 0 { sessions[session]?.find = nil }
    }

    /// CKF_FIND_OBJECTS of PKCS#11 3.0.
    private static let findFlag: UInt = 0x40
}
