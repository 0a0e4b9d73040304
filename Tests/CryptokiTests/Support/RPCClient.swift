import CPKCS11
import DTABytes
import DTASystem
import Foundation
import TestSupport

@testable import DTACryptoki

/// A client of p11-kit's RPC, which sends what no release of p11-kit can: EdDSA, and frames that are none. It drives the
/// real dta-p11, on a socket as p11-kit gives it.
final class RPCClient {
    let program: Subprocess
    private let socket: Descriptor
    private var lastCode: UInt32 = 0x10

    /// Starts dta-p11 and agrees on a version; nil: says nothing yet.
    init(
        _ agent: TestAgent, version: UInt8? = 1, arguments: [String] = [], prefix: [String] = []
    ) throws {
        let (own, other) = try UnixSocket.pair()
        socket = own
        let command = prefix + [try Binary.path("dta-p11"), "--socket", agent.socketPath, "--all-keys"] + arguments
        program = try Subprocess(
            command[0], Array(command.dropFirst()), descriptors: [0: other.number, 1: other.number])
        try UnixSocket.setTimeout(own.number, milliseconds: 60_000)
        if let version {
            try send([version])
            guard try receive(1) == [min(version, 1)] else { throw TestFailure("dta-p11 speaks another version") }
        }
    }

    /// A client that has said what p11-kit says first.
    static func initialized(_ agent: TestAgent, version: UInt8 = 1, arguments: [String] = []) throws -> RPCClient {
        let client = try RPCClient(agent, version: version, arguments: arguments)
        try client.initialize()
        return client
    }

    func initialize() throws {
        _ = try call(.initialize) {
            $0.array(Cryptoki.handshake)
            $0.byte(0)
            $0.array([0])
        }
    }

    // MARK: Bytes

    func send(_ bytes: [UInt8]) throws {
        try unsafe bytes.withUnsafeBytes { try UnixSocket.sendAll(socket.number, $0) }
    }

    /// Says that nothing more comes, as a client does that has ended.
    func finishSending() { shutdown(socket.number, Int32(SHUT_WR)) }

    func receive(_ count: Int) throws -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count {
            var part = [UInt8](repeating: 0, count: count - bytes.count)
            let got = try part.withUnsafeMutableBytes {
                try UnixSocket.receive(socket.number, into: $0.baseAddress!, capacity: $0.count)
            }
            guard got > 0 else { throw TestFailure("dta-p11 closed the connection") }
            bytes += part.prefix(got)
        }
        return bytes
    }

    // MARK: Frames

    /// Sends a message in a frame, and gives the message of the answer.
    func exchange(_ message: [UInt8], options: [UInt8] = []) throws -> [UInt8] {
        lastCode += 1
        try send(
            lastCode.bigEndianBytes + UInt32(options.count).bigEndianBytes + UInt32(message.count).bigEndianBytes
                + options + message)
        return try answer(to: lastCode)
    }

    func answer(to code: UInt32) throws -> [UInt8] {
        let header = try RPCFrame.Header(try receive(RPCFrame.headerLength))
        guard header.code == code, header.optionsLength == 0 else { throw TestFailure("the answer to another frame") }
        return try receive(header.messageLength)
    }

    /// Calls, and gives a reader of the answer's values.
    /// - Throws: ``CryptokiError`` as dta-p11 answered it.
    func call(_ call: RPCCall, _ body: (inout RPCWriter) -> Void = { _ in }) throws -> RPCReader {
        var writer = RPCWriter(asking: call)
        body(&writer)
        return try RPCClient.values(of: try exchange(writer.bytes), call)
    }

    static func values(of message: [UInt8], _ call: RPCCall) throws -> RPCReader {
        var reader = RPCReader(message)
        let number = try reader.number32()
        let signature = String(decoding: try reader.string() ?? [], as: UTF8.self)
        if number == 0, signature == "u" { throw CryptokiError(try reader.number()) }
        guard number == call.rawValue, signature == call.response else { throw TestFailure("a strange answer") }
        return reader
    }

    // MARK: Calls

    func openSession(readWrite: Bool = false) throws -> UInt {
        var reader = try call(.openSession) {
            $0.number(1)
            $0.number(CKF_SERIAL_SESSION | (readWrite ? CKF_RW_SESSION : 0))
        }
        return try reader.number()
    }

    func find(_ session: UInt, _ template: [Attribute]) throws -> [UInt] {
        _ = try call(.findObjectsInit) {
            $0.number(session)
            $0.template(template)
        }
        var found: [UInt] = []
        while true {
            var reader = try call(.findObjects) {
                $0.number(session)
                $0.number32(3)
            }
            let page = try RPCClient.numbers(&reader)
            if page.isEmpty { break }
            found += page
        }
        _ = try call(.findObjectsFinal) { $0.number(session) }
        return found
    }

    static func numbers(_ reader: inout RPCReader) throws -> [UInt] {
        guard try reader.byte() == 1 else { throw TestFailure("only the length of a list") }
        return try (0..<(try reader.number32())).map { _ in try reader.number() }
    }

    /// An object by its class and label.
    func object(_ session: UInt, _ objectClass: UInt, _ label: String) throws -> UInt {
        let found = try find(
            session, [Attribute(CKA_CLASS, .number(objectClass)), Attribute(CKA_LABEL, .bytes(Array(label.utf8)))])
        guard found.count == 1 else { throw TestFailure("\(found.count) objects \(label)") }
        return found[0]
    }

    /// Attributes with room for 1,000 bytes each, and the return value that came with them.
    func attributes(
        _ session: UInt, _ object: UInt, _ types: [UInt], room: UInt32 = 1000
    ) throws -> (values: [Attribute], code: UInt) {
        var reader = try call(.getAttributeValue) {
            $0.number(session)
            $0.number(object)
            $0.number32(UInt32(types.count))
            for type in types {
                $0.number32(UInt32(type))
                $0.number32(room)
            }
        }
        let values = try reader.template()
        return (values, try reader.number())
    }

    func bytes(_ session: UInt, _ object: UInt, _ type: UInt) throws -> [UInt8] {
        guard case .bytes(let bytes) = try attributes(session, object, [type]).values[0].value else {
            throw TestFailure("no bytes")
        }
        return bytes
    }

    func begin(_ call: RPCCall, _ session: UInt, _ mechanism: UInt, _ key: UInt) throws {
        _ = try self.call(call) {
            $0.number(session)
            $0.number32(UInt32(mechanism))
            $0.string(nil)
            $0.number(key)
        }
    }

    func begin(_ call: RPCCall, _ session: UInt, _ mechanism: Mechanism, _ key: UInt) throws {
        _ = try self.call(call) {
            $0.number(session)
            $0.mechanism(mechanism)
            $0.number(key)
        }
    }

    /// Does all of an operation at once: signs, encrypts or decrypts.
    func finish(_ call: RPCCall, _ session: UInt, _ data: [UInt8], room: UInt32 = 1024) throws -> Output {
        var reader = try self.call(call) {
            $0.number(session)
            $0.array(data)
            $0.number32(room)
        }
        return try RPCClient.output(&reader)
    }

    enum Output: Equatable {
        case bytes([UInt8])
        case length(UInt32)
    }

    static func output(_ reader: inout RPCReader) throws -> Output {
        try reader.byte() == 0 ? .length(try reader.number32()) : .bytes(Array(try reader.string() ?? []))
    }

    func sign(_ session: UInt, _ mechanism: UInt, _ key: UInt, _ data: [UInt8], room: UInt32 = 512) throws -> Output {
        try begin(.signInit, session, mechanism, key)
        return try signOnce(session, data, room: room)
    }

    func signOnce(_ session: UInt, _ data: [UInt8], room: UInt32 = 512) throws -> Output {
        var reader = try call(.sign) {
            $0.number(session)
            $0.array(data)
            $0.number32(room)
        }
        return try RPCClient.output(&reader)
    }

    func signature(_ session: UInt, _ mechanism: UInt, _ key: UInt, _ data: [UInt8]) throws -> [UInt8] {
        guard case .bytes(let bytes) = try sign(session, mechanism, key, data) else { throw TestFailure("no bytes") }
        return bytes
    }

    func verify(_ session: UInt, _ mechanism: UInt, _ key: UInt, _ data: [UInt8], _ signature: [UInt8]) throws {
        try begin(.verifyInit, session, mechanism, key)
        _ = try call(.verify) {
            $0.number(session)
            $0.array(data)
            $0.array(signature)
        }
    }

    /// The return value of a call that is refused.
    func refusal(_ body: () throws -> Void) throws -> UInt {
        do {
            try body()
        } catch let error as CryptokiError {
            return error.code
        }
        throw TestFailure("the call was not refused")
    }
}
