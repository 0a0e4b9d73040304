import DTAFormats
import DTASystem
import Foundation
import TestSupport

/// A node in memory that answers as Kubo does, and that a test can make lose things at any moment.
final class MemoryKubo: Sendable {
    struct State {
        var blocks: [String: [UInt8]] = [:]
        var pins: Set<String> = []
        var puts = 0
        /// CIDs in the order in which they were pinned.
        var order: [String] = []
        var id = "QmMemory"
        var isAway = false
        /// How often a pin still fails, losing what is said here.
        var losses: [[String]] = []
    }

    let state = Locked(State())
    let server: FakeNode
    var api: String { server.api }

    init() throws {
        let state = state
        server = try FakeNode(reading: { target, file in state.withLock { MemoryKubo.answer(target, file, &$0) } })
    }

    private static func answer(_ target: String, _ file: [UInt8], _ state: inout State) -> FakeNode.Answer {
        let url = URLComponents(string: target)
        let argument = url?.queryItems?.first { $0.name == "arg" }?.value ?? ""
        if state.isAway { return .status(503, "") }
        switch url?.path {
        case "/api/v0/version": return .status(200, #"{"Version":"0.39.0"}"#)
        case "/api/v0/id": return .status(200, #"{"ID":"\#(state.id)"}"#)
        case "/api/v0/block/put":
            let cid = CID(hashing: file, codec: target.contains("cid-codec=raw") ? .raw : .dagCBOR).description
            state.blocks[cid] = file
            state.puts += 1
            return .status(200, #"{"Key":"\#(cid)","Size":\#(file.count)}"#)
        case "/api/v0/block/get":
            return state.blocks[argument].map { .bytes($0) } ?? error("block was not found locally (offline)")
        case "/api/v0/block/stat":
            return state.blocks[argument].map { .status(200, #"{"Key":"\#(argument)","Size":\#($0.count)}"#) }
                ?? error("block was not found locally (offline): ipld: could not find \(argument)")
        case "/api/v0/pin/add":
            if let lost = state.losses.popLast() {
                for cid in lost { state.blocks[cid] = nil }
                return error("context deadline exceeded")
            }
            guard state.blocks[argument] != nil else { return error("ipld: could not find \(argument)") }
            state.pins.insert(argument)
            state.order.append(argument)
            return .status(200, #"{"Pins":["\#(argument)"]}"#)
        case "/api/v0/pin/ls":
            return state.pins.contains(argument)
                ? .status(200, #"{"Keys":{"\#(argument)":{"Type":"recursive","Name":""}}}"#)
                : error("path '\(argument)' is not pinned")
        default: return .status(404, "404 page not found")
        }
    }

    private static func error(_ message: String) -> FakeNode.Answer {
        .status(500, #"{"Message":"\#(message)","Code":0,"Type":"error"}"#)
    }
}
